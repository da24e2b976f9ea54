#include "draftp/sampling/recompute.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/alias.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

namespace draftp {
namespace {

using TensorFunction = std::function<at::Tensor(at::TensorList)>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Carries f through the autograd context, which holds IValues.
struct Recipe : torch::CustomClassHolder {
  TensorFunction f;
  int64_t inputs;  // the first of the node's tensors are inputs, parameters follow
  ApartOptions options;
  variable_list leaves;  // without recomputation: what f was given and its parameters,
  at::Tensor output;     // and what came of it, with its graph

  void Before(bool backward) const {
    if (options.before) options.before(backward);
  }

  // The inputs cut from their history, and the parameters.
  variable_list Leaves(const variable_list& tensors) const {
    variable_list cut = tensors;
    for (int64_t i = 0; i < inputs; ++i)
      cut[i] = cut[i].detach().requires_grad_(cut[i].requires_grad());
    return cut;
  }
};

class ApartFunction : public torch::autograd::Function<ApartFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Recipe>& recipe,
                            at::TensorList tensors) {
    context->saved_data["recipe"] = at::IValue::make_capsule(recipe);
    recipe->Before(/*backward=*/false);
    // Layers choose their kernels by whether gradients are recorded, as they are the second time.
    // With recomputation what this records is dropped with the undetached output.
    const at::AutoGradMode with_gradients(true);
    if (recipe->options.recompute) {
      context->save_for_backward(tensors.vec());
      variable_list inputs;
      for (const at::Tensor& input : tensors.slice(0, recipe->inputs))
        inputs.push_back(input.detach());
      return recipe->f(inputs).detach();
    }
    recipe->leaves = recipe->Leaves(tensors.vec());
    recipe->output = recipe->f(at::TensorList(recipe->leaves).slice(0, recipe->inputs));
    return recipe->output.detach();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data["recipe"].toCapsule();
    auto& recipe = static_cast<Recipe&>(*capsule);
    recipe.Before(/*backward=*/true);
    const at::AutoGradMode with_gradients(true);
    variable_list leaves = std::exchange(recipe.leaves, {});
    at::Tensor output = std::exchange(recipe.output, {});
    if (recipe.options.recompute) {
      leaves = recipe.Leaves(context->get_saved_variables());
      output = recipe.f(at::TensorList(leaves).slice(0, recipe.inputs));
    }
    TORCH_CHECK(output.defined(), "a piece's graph serves one backward pass");
    variable_list wanted;
    std::vector<size_t> places;
    const size_t own = leaves.size() - (recipe.options.taken.empty() ? 0 : 1);
    for (size_t i = 0; i < own; ++i) {
      // The first argument of forward is no tensor: edge i belongs to tensor i.
      if (!leaves[i].requires_grad() || !context->needs_input_grad(i)) continue;
      wanted.push_back(leaves[i]);
      places.push_back(i);
    }
    wanted.insert(wanted.end(), recipe.options.taken.begin(), recipe.options.taken.end());
    variable_list computed =
        torch::autograd::grad({output}, wanted, {gradients[0]}, /*retain_graph=*/false,
                              /*create_graph=*/false, /*allow_unused=*/true);
    variable_list result(leaves.size() + 1);  // none for the recipe
    for (size_t i = 0; i < places.size(); ++i) result[places[i] + 1] = computed[i];
    if (!recipe.options.taken.empty()) {
      computed.erase(computed.begin(), computed.begin() + static_cast<int64_t>(places.size()));
      recipe.options.take(std::move(computed));
    }
    return result;
  }
};

}  // namespace

at::Tensor RunApart(TensorFunction f, const std::vector<at::Tensor>& inputs,
                    const std::vector<at::Tensor>& parameters, ApartOptions options) {
  const auto needs_gradient = [](const at::Tensor& t) { return t.requires_grad(); };
  variable_list tensors;  // the defined inputs, then the parameters
  std::vector<bool> defined;
  for (const at::Tensor& input : inputs) {
    defined.push_back(input.defined());
    if (input.defined()) tensors.push_back(input);
  }
  auto recipe = c10::make_intrusive<Recipe>();
  recipe->inputs = static_cast<int64_t>(tensors.size());
  std::ranges::copy_if(parameters, std::back_inserter(tensors), needs_gradient);
  // Where nothing else needs gradients, the node is reached through this one.
  if (!options.taken.empty()) tensors.push_back(options.taken.front());
  if (!std::ranges::any_of(tensors, needs_gradient) || !at::GradMode::is_enabled()) {
    if (options.before) options.before(/*backward=*/false);
    return f(inputs);
  }
  recipe->options = std::move(options);
  recipe->f = [f = std::move(f), defined = std::move(defined)](at::TensorList present) {
    variable_list all;
    const at::Tensor* next = present.begin();
    for (const bool there : defined) all.push_back(there ? *next++ : at::Tensor());
    return f(all);
  };
  return ApartFunction::apply(recipe, at::TensorList(tensors));
}

at::Tensor Recompute(TensorFunction f, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& parameters) {
  return RunApart(std::move(f), inputs, parameters, {});
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
