#include "draftp/report/evaluation_curve.h"
