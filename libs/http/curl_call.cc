#include "libs/http/curl_call.h"

#include <algorithm>

namespace quotaplane::curl {
namespace {

int GoOn(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stop)->load() ? 1 : 0;
}

}  // namespace

bool List::Add(const std::string& line) {
  curl_slist* const longer = curl_slist_append(list_.get(), line.c_str());
  if (longer == nullptr) return false;
  static_cast<void>(list_.release());
  list_.reset(longer);
  return true;
}

Handle NewHandle(absl::Duration timeout, const std::string& ca_file, const std::atomic<bool>* stop,
                 ErrorBuffer* error) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  Handle handle(kReady == CURLE_OK ? curl_easy_init() : nullptr);
  if (handle == nullptr) return handle;
  CURL* const c = handle.get();
  if (!ca_file.empty()) {
    curl_easy_setopt(c, CURLOPT_CAINFO, ca_file.c_str());
    // Otherwise the system's stay good beside them.
    curl_easy_setopt(c, CURLOPT_CAPATH, nullptr);
  }
  // Empty: none, also where the environment names one.
  curl_easy_setopt(c, CURLOPT_PROXY, "");
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  // Zero would be no deadline.
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::max<int64_t>(1, absl::ToInt64Milliseconds(timeout))));
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, GoOn);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, stop);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error->text);
  return handle;
}

std::string ErrorText(CURLcode code, const ErrorBuffer& more) {
  if (code == CURLE_ABORTED_BY_CALLBACK) return "it was stopped";
  return *more.text != '\0' ? more.text : curl_easy_strerror(code);
}

}  // namespace quotaplane::curl
