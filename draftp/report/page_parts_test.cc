#include "draftp/report/page_parts.h"
