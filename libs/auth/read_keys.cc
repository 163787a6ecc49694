#include "libs/auth/read_keys.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/auth/auth_config.h"
#include "libs/auth/key_set.h"
#include "libs/http/http.h"

namespace quotaplane {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

absl::Status Unreadable(const std::string& keys, const std::string& why) {
  return absl::UnavailableError(absl::StrCat(keys, ": ", why));
}

absl::StatusOr<std::string> ReadUrl(const std::string& url, const std::string& ca_file,
                                    absl::Duration timeout, const std::atomic<bool>* stop) {
  absl::StatusOr<HttpAnswer> answer = SendHttp({.url = url,
                                                .timeout = timeout,
                                                .max_answer_bytes = kMaxKeySetBytes,
                                                .ca_file = ca_file,
                                                .proxy = true},
                                               stop);
  if (!answer.ok()) return Unreadable(url, std::string(answer.status().message()));
  if (answer->status != 200) return Unreadable(url, absl::StrCat("HTTP status ", answer->status));
  if (!answer->body_cut) return std::move(answer->body);
  return Unreadable(url, answer->body.size() < kMaxKeySetBytes
                             ? "the answer broke off"
                             : absl::StrCat("more than ", kMaxKeySetBytes, " bytes"));
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
