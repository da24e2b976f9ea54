// The product of two weighing functions.
#ifndef DRAFTP_SCHEDULE_PRODUCT_WEIGHING_H_
#define DRAFTP_SCHEDULE_PRODUCT_WEIGHING_H_

#include <string>
#include <utility>

#include "draftp/schedule/constant_weighing.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = a b. Products nest to the left for more factors, and their name is flat then:
// ProductWeighing(ProductWeighing(a, b), c).name() -> "product(a,b,c)".
// Text: product(linear,step_0.6), product(a,b,c,...).
template <Weighing A, Weighing B>
class ProductWeighing {
 public:
  ProductWeighing(A a, B b) : a_(std::move(a)), b_(std::move(b)) {}

  constexpr double operator()(const StepContext& step) const { return a_(step) * b_(step); }

  std::string name() const
  requires NamedWeighing<A> && NamedWeighing<B>
  {
    const std::string head = "product(", left = a_.name();
    const std::string factors =
        left.starts_with(head) ? left.substr(head.size(), left.size() - head.size() - 1) : left;
    return head + factors + "," + std::string(b_.name()) + ")";
  }

 private:
  A a_;
  B b_;
};

static_assert(NamedWeighing<ProductWeighing<BaseWeighing, DraftWeighing>>,
              "ProductWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_PRODUCT_WEIGHING_H_
