#include "draftp/shard/host_address.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr size_t kShown = 200;  // bytes of a name in a message

std::string Numeric(const sockaddr* address, socklen_t length) {
  char text[NI_MAXHOST] = {};
  return getnameinfo(address, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0 ? text
                                                                                          : "";
}

// From which address packets leave for that one; "" where there is no way.
std::string Source(const addrinfo& to) {
  const int datagrams = socket(to.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (datagrams < 0) return "";
  sockaddr_storage own = {};
  socklen_t length = sizeof own;
  auto* const address = reinterpret_cast<sockaddr*>(&own);
  const bool found = connect(datagrams, to.ai_addr, to.ai_addrlen) == 0 &&
                     getsockname(datagrams, address, &length) == 0;
  const int error = errno;
  close(datagrams);
  errno = error;
  return found ? Numeric(address, length) : "";
}

}  // namespace

absl::StatusOr<Route> RouteTo(const std::string& host) {
  addrinfo wanted = {};
  wanted.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const auto failed = [&](const char* why) {
    return absl::UnavailableError(absl::StrCat("MASTER_ADDR: found ", Printable(host, kShown), ", ",
                                               why, "; expected a host that this one reaches"));
  };
  // A port gives every address its place in a socket's; no packet goes there.
  if (const int error = getaddrinfo(host.c_str(), "9", &wanted, &found); error != 0)
    return failed(gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  errno = 0;
  for (const addrinfo* to = found; to != nullptr; to = to->ai_next) {
    Route route{.from = Source(*to), .to = Numeric(to->ai_addr, to->ai_addrlen)};
    if (!route.from.empty() && !route.to.empty()) return route;
  }
  return failed(std::strerror(errno));
}

bool IsLoopback(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  if (address == "::1") return true;
  if (address.starts_with(kMapped)) address.remove_prefix(kMapped.size());
  return address.starts_with("127.");
}

std::string ReachableAddress(const std::vector<Route>& routes, int rank) {
  const std::string& own = routes[rank].from;
  if (!IsLoopback(own)) return own;
  const auto other =
      std::ranges::find_if(routes, [](const Route& route) { return !IsLoopback(route.to); });
  return other == routes.end() ? own : other->to;
}

}  // namespace draftp
