#include "libs/auth/listen_address.h"

#include <arpa/inet.h>

#include <string>

namespace quotaplane {

bool IsLoopback(std::string_view address) {
  if (address.starts_with('[')) {
    const size_t end = address.find(']');
    return end != std::string_view::npos && address.substr(1, end - 1) == "::1" &&
           (end + 1 == address.size() || address[end + 1] == ':');
  }
  const std::string host(address.substr(0, address.rfind(':')));
  if (host == "localhost") return true;
  in_addr ip{};
  return inet_pton(AF_INET, host.c_str(), &ip) == 1 && (ntohl(ip.s_addr) >> 24) == 127;
}

}  // namespace quotaplane
