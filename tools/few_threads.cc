// A pthread_create that fails, as under a limit of processes, once it has started FEW_THREADS
// threads.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  static std::atomic<int> left = std::atoi(std::getenv("FEW_THREADS"));
  return left-- > 0 ? create(thread, attributes, start, argument) : EAGAIN;
}
