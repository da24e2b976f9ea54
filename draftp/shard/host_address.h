// At which address the ranks of other hosts reach this one.
#ifndef DRAFTP_SHARD_HOST_ADDRESS_H_
#define DRAFTP_SHARD_HOST_ADDRESS_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace draftp {

// Numeric addresses: from which a host's packets to another leave, and where they go.
struct Route {
  std::string from, to;
};

// The route to a name or address, by the system's tables; nothing is sent. Unavailable names it.
absl::StatusOr<Route> RouteTo(const std::string& host);

// 127.0.0.0/8, ::1, and the former written as the latter.
bool IsLoopback(std::string_view address);

// Of a rank, from every rank's route to the host of their store: where its own packets leave. On
// that host these may stay on the loopback, for Debian's /etc/hosts gives a host's own name
// 127.0.1.1: then it is where the others find the store. A loopback's where all are on one host.
std::string ReachableAddress(const std::vector<Route>& routes, int rank);

}  // namespace draftp

#endif  // DRAFTP_SHARD_HOST_ADDRESS_H_
