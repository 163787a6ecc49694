#include "libs/auth/read_keys.h"

#include <curl/curl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/auth/auth_config.h"
#include "libs/auth/key_set.h"

namespace quotaplane {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Curl = std::unique_ptr<CURL, Deleter<curl_easy_cleanup>>;
using File = std::unique_ptr<std::FILE, Deleter<std::fclose>>;

// Less than what it was given ends the transfer.
size_t Take(const char* data, size_t, size_t size, void* text) {
  auto* const taken = static_cast<std::string*>(text);
  if (taken->size() + size > kMaxKeySetBytes) return 0;
  taken->append(data, size);
  return size;
}

int GoOn(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stop)->load() ? 1 : 0;
}

absl::Status Unreadable(const std::string& keys, const std::string& why) {
  return absl::UnavailableError(absl::StrCat(keys, ": ", why));
}

absl::StatusOr<std::string> ReadUrl(const std::string& url, const std::string& ca_file,
                                    absl::Duration timeout, const std::atomic<bool>* stop) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Curl curl(kReady == CURLE_OK ? curl_easy_init() : nullptr);
  if (curl == nullptr) return Unreadable(url, "libcurl cannot be used");
  std::string text;
  char error[CURL_ERROR_SIZE] = "";
  CURL* const c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
  if (!ca_file.empty()) {
    curl_easy_setopt(c, CURLOPT_CAINFO, ca_file.c_str());
    // Otherwise the system's stay good beside them.
    curl_easy_setopt(c, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(timeout)));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, Take);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &text);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, GoOn);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, stop);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
  const CURLcode done = curl_easy_perform(c);
  if (done == CURLE_WRITE_ERROR) {
    return Unreadable(url, absl::StrCat("more than ", kMaxKeySetBytes, " bytes"));
  }
  if (done != CURLE_OK) return Unreadable(url, *error != '\0' ? error : curl_easy_strerror(done));
  long code = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
  if (code != 200) return Unreadable(url, absl::StrCat("HTTP status ", code));
  return text;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return Unreadable(path, std::strerror(errno));
  std::string text(kMaxKeySetBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return Unreadable(path, std::strerror(errno));
  if (text.size() > kMaxKeySetBytes) {
    return Unreadable(path, absl::StrCat("more than ", kMaxKeySetBytes, " bytes"));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadKeys(const std::string& keys, const std::string& ca_file,
                                     absl::Duration timeout, const std::atomic<bool>* stop) {
  return IsKeysUrl(keys) ? ReadUrl(keys, ca_file, timeout, stop) : ReadFile(keys);
}

}  // namespace quotaplane
