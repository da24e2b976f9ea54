// What LibTorch's ProcessGroupGloo.hpp names of Gloo, whose own headers its wheel leaves out: types
// that are only held by pointer, so that their declarations do. Gloo itself is in libtorch_cpu.so.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
