#include "draftp/sampling/recompute.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/alias.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace draftp {
namespace {

using TensorFunction = std::function<at::Tensor(at::TensorList)>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Carries f through the autograd context, which holds IValues.
struct Recipe : torch::CustomClassHolder {
  TensorFunction f;
  int64_t inputs;  // the first of the saved tensors are inputs, the rest parameters
};

class RecomputeFunction : public torch::autograd::Function<RecomputeFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Recipe>& recipe,
                            at::TensorList tensors) {
    context->saved_data["recipe"] = at::IValue::make_capsule(recipe);
    context->save_for_backward(tensors.vec());
    variable_list inputs;
    for (const at::Tensor& input : tensors.slice(0, recipe->inputs)) {
      inputs.push_back(input.detach());
    }
    // Layers choose their kernels by whether gradients are recorded, as they are the second time.
    // What this records is dropped with the undetached output.
    const at::AutoGradMode with_gradients(true);
    return recipe->f(inputs).detach();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data["recipe"].toCapsule();
    const auto& recipe = static_cast<const Recipe&>(*capsule);
    variable_list leaves =
        context->get_saved_variables();  // inputs cut from their history, then parameters
    for (int64_t i = 0; i < recipe.inputs; ++i) {
      leaves[i] = leaves[i].detach().requires_grad_(leaves[i].requires_grad());
    }
    variable_list wanted;
    std::vector<size_t> places;
    for (size_t i = 0; i < leaves.size(); ++i) {
      // The first argument of forward is no tensor: edge i belongs to tensor i.
      if (!leaves[i].requires_grad() || !context->needs_input_grad(i)) continue;
      wanted.push_back(leaves[i]);
      places.push_back(i);
    }
    variable_list result(leaves.size() + 1);  // none for the recipe
    const at::AutoGradMode with_gradients(true);
    const at::Tensor output = recipe.f(at::TensorList(leaves).slice(0, recipe.inputs));
    const variable_list computed =
        torch::autograd::grad({output}, wanted, {gradients[0]}, /*retain_graph=*/false,
                              /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < places.size(); ++i) result[places[i] + 1] = computed[i];
    return result;
  }
};

}  // namespace

at::Tensor Recompute(TensorFunction f, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& parameters) {
  variable_list tensors;  // the defined inputs, then the parameters
  std::vector<bool> defined;
  for (const at::Tensor& input : inputs) {
    defined.push_back(input.defined());
    if (input.defined()) tensors.push_back(input);
  }
  auto recipe = c10::make_intrusive<Recipe>();
  recipe->inputs = static_cast<int64_t>(tensors.size());
  tensors.insert(tensors.end(), parameters.begin(), parameters.end());
  const bool needed = std::any_of(tensors.begin(), tensors.end(),
                                  [](const at::Tensor& t) { return t.requires_grad(); });
  if (!needed || !at::GradMode::is_enabled()) return f(inputs);
  recipe->f = [f = std::move(f), defined = std::move(defined)](at::TensorList present) {
    variable_list all;
    const at::Tensor* next = present.begin();
    for (const bool there : defined) all.push_back(there ? *next++ : at::Tensor());
    return f(all);
  };
  return RecomputeFunction::apply(recipe, at::TensorList(tensors));
}

std::vector<at::Tensor> Joined(const std::vector<at::Tensor>& inputs) {
  variable_list joined = inputs;
  for (at::Tensor& input : joined) {
    if (input.defined() && input.requires_grad() && at::GradMode::is_enabled())
      input = at::alias(input);
  }
  return joined;
}

}  // namespace draftp
