#include "draftp/report/evaluation_page.h"
