// Products with bias and residual by cuBLASLt, whose own epilogues add both.
#include <cublasLt.h>
#include <cuda_runtime.h>

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>

#include "draftp/kernels/residual_product.h"

namespace draftp::kernels {
namespace {

struct LayoutDeleter {
  void operator()(cublasLtMatrixLayout_t layout) const { cublasLtMatrixLayoutDestroy(layout); }
};
using Layout = std::unique_ptr<std::remove_pointer_t<cublasLtMatrixLayout_t>, LayoutDeleter>;

struct DescriptionDeleter {
  void operator()(cublasLtMatmulDesc_t d) const { cublasLtMatmulDescDestroy(d); }
};
using Description =
    std::unique_ptr<std::remove_pointer_t<cublasLtMatmulDesc_t>, DescriptionDeleter>;

// Everything about a shape but its pointers. cuBLASLt counts columns first, so it computes y^T = W
// x^T.
struct Plan {
  Description description;
  Layout weight, x, y;
  cublasLtMatmulAlgo_t algorithm;
};

Layout ColumnsFirst(cudaDataType type, long long rows, long long columns) {
  cublasLtMatrixLayout_t layout = nullptr;
  cublasLtMatrixLayoutCreate(&layout, type, rows, columns, rows);
  return Layout(layout);
}

template <class T>
void Set(const Description& description, cublasLtMatmulDescAttributes_t attribute, T value) {
  cublasLtMatmulDescSetAttribute(description.get(), attribute, &value, sizeof(value));
}

// Null where cuBLASLt has no algorithm.
std::unique_ptr<Plan> MakePlan(cublasLtHandle_t handle, cudaDataType type,
                               const ResidualProductCall& call) {
  auto plan = std::make_unique<Plan>();
  cublasLtMatmulDesc_t description = nullptr;
  if (cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F) !=
      CUBLAS_STATUS_SUCCESS) {
    return nullptr;
  }
  plan->description.reset(description);
  Set(plan->description, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  if (call.bias != nullptr) {
    Set(plan->description, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    Set(plan->description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, call.bias);
  }
  plan->weight = ColumnsFirst(type, call.in, call.out);
  plan->x = ColumnsFirst(type, call.in, call.rows);
  plan->y = ColumnsFirst(type, call.out, call.rows);
  cublasLtMatmulPreference_t preference = nullptr;
  if (cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS) return nullptr;
  const size_t most = call.workspace_bytes;
  cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
                                       sizeof(most));
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle, plan->description.get(), plan->weight.get(), plan->x.get(), plan->y.get(),
      plan->y.get(), preference, 1, &found, &count);
  cublasLtMatmulPreferenceDestroy(preference);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0) return nullptr;
  plan->algorithm = found.algo;
  return plan;
}

// One device's plans by shape.
class Plans {
 public:
  int Run(cudaDataType type, const ResidualProductCall& call, cudaStream_t stream) {
    const std::scoped_lock lock(mutex_);
    if (handle_ == nullptr && cublasLtCreate(&handle_) != CUBLAS_STATUS_SUCCESS)
      return static_cast<int>(cudaErrorInitializationError);
    const Key key{type, call.rows, call.in, call.out, call.bias != nullptr};
    std::unique_ptr<Plan>& plan = plans_[key];
    if (plan == nullptr) plan = MakePlan(handle_, type, call);
    if (plan == nullptr) return static_cast<int>(cudaErrorNotSupported);
    if (call.bias != nullptr) Set(plan->description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, call.bias);
    const float one = 1;
    const cublasStatus_t status = cublasLtMatmul(
        handle_, plan->description.get(), &one, call.weight, plan->weight.get(), call.x,
        plan->x.get(), &one, call.residual, plan->y.get(), call.y, plan->y.get(), &plan->algorithm,
        call.workspace, call.workspace_bytes, stream);
    return static_cast<int>(status == CUBLAS_STATUS_SUCCESS ? cudaSuccess : cudaErrorUnknown);
  }

 private:
  using Key = std::tuple<cudaDataType, long long, long long, long long, bool>;

  std::mutex mutex_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

// Of the current device, never destroyed: the driver may end before static objects do.
Plans& PlansHere(int device) {
  static std::mutex mutex;
  static auto* const plans = new std::map<int, Plans>;
  const std::scoped_lock lock(mutex);
  return (*plans)[device];
}

}  // namespace

int LaunchResidualProduct(KernelDtype dtype, const ResidualProductCall& call, void* stream) {
  int device = 0;
  if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess)
    return static_cast<int>(error);
  const cudaDataType type = dtype == KernelDtype::kHalf ? CUDA_R_16F : CUDA_R_16BF;
  return PlansHere(device).Run(type, call, static_cast<cudaStream_t>(stream));
}

}  // namespace draftp::kernels
