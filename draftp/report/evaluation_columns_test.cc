#include "draftp/report/evaluation_columns.h"
