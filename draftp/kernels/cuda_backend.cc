// Finds and opens libdraftp_cuda.so.
#include "draftp/kernels/cuda_backend.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

namespace draftp {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> PluginCandidates() {
  if (const char* named = std::getenv("DRAFTP_CUDA_PLUGIN"); named != nullptr && named[0] == '/')
    return {named};
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};  // nothing is opened by a relative path
  const fs::path folder = program.parent_path();
  return {
      (folder / "../lib/libdraftp_cuda.so").string(),             // the package
      (folder / "../draftp/kernels/libdraftp_cuda.so").string(),  // bazel-bin/tools
      (folder / "../kernels/libdraftp_cuda.so").string(),         // bazel-bin/draftp/ROOM
      program.string() + ".runfiles/draftp/draftp/kernels/libdraftp_cuda.so",
  };
}

// Empty: none is there.
std::string FindPlugin() {
  for (const std::string& candidate : PluginCandidates()) {
    std::error_code error;
    if (fs::exists(candidate, error)) return candidate;
  }
  return "";
}

struct Plugin {
  void* library;
  const CudaBackend* backend;
};

absl::StatusOr<Plugin> Open() {
  if (CudaDeviceCount() == 0)
    return absl::UnavailableError("cuda: no CUDA device found, expected at least one");
  const std::string found = FindPlugin();
  if (found.empty()) {
    return absl::UnimplementedError(
        "cuda: this program was built without the CUDA toolkit (libdraftp_cuda.so isn't beside "
        "it)");
  }
  void* library = dlopen(found.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) return absl::FailedPreconditionError(absl::StrCat("cuda: ", dlerror()));
  using Entry = const CudaBackend* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "draftp_cuda_backend"));
  if (entry == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("cuda: ", found, " lacks the symbol draftp_cuda_backend"));
  }
  return Plugin{library, entry()};
}

const absl::StatusOr<Plugin>& OpenedPlugin() {
  static const absl::StatusOr<Plugin> plugin = Open();
  return plugin;
}

const Plugin& RequiredPlugin() {
  const absl::StatusOr<Plugin>& plugin = OpenedPlugin();
  TORCH_CHECK(plugin.ok(), std::string(plugin.status().message()));
  return *plugin;
}

}  // namespace

int CudaDeviceCount() {
  static const int count = [] {
    void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (driver == nullptr) return 0;
    const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
    const auto get_count = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
    int devices = 0;
    if (init == nullptr || get_count == nullptr || init(0) != 0 || get_count(&devices) != 0)
      return 0;
    return devices;
  }();
  return count;
}

bool HasCudaPart() { return !FindPlugin().empty(); }

absl::StatusOr<const CudaBackend*> OpenCudaBackend() {
  const absl::StatusOr<Plugin>& plugin = OpenedPlugin();
  if (!plugin.ok()) return plugin.status();
  return plugin->backend;
}

void* CudaSymbol(const char* name) {
  void* symbol = dlsym(RequiredPlugin().library, name);
  TORCH_CHECK(symbol != nullptr, "libdraftp_cuda.so lacks the symbol ", name);
  return symbol;
}

void LaunchOnCuda(c10::Device device, c10::function_ref<int(void* stream)> launch) {
  RequiredPlugin().backend->Launch(device, launch);
}

}  // namespace draftp
