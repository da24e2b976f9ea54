// Areas averaged by hand, and that a JPEG shows what was given.
#include "draftp/report/thumbnail.h"
