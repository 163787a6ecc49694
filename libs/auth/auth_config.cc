#include "libs/auth/auth_config.h"

#include "libs/auth/listen_address.h"

namespace quotaplane {

bool IsAllowedKeysUrl(std::string_view url) {
  constexpr std::string_view kHttps = "https://";
  constexpr std::string_view kHttp = "http://";
  if (url.starts_with(kHttps)) return url.size() > kHttps.size();
  if (!url.starts_with(kHttp)) return false;
  std::string_view host = url.substr(kHttp.size());
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.find('@') != std::string_view::npos) return false;
  return IsLoopback(host);
}

}  // namespace quotaplane
