#include "libs/http/http.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/http/curl_call.h"

namespace quotaplane {
namespace {

constexpr long kMaxRetryAfterS = 3600;

struct Taken {
  std::string* text;
  size_t most;
  bool cut = false;
};

// Less than what it was given ends the transfer.
size_t Take(const char* data, size_t, size_t size, void* into) {
  auto* const taken = static_cast<Taken*>(into);
  const size_t fits = std::min(size, taken->most - taken->text->size());
  taken->text->append(data, fits);
  taken->cut = fits < size;
  return fits;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

absl::Status AddHeaders(const HttpRequest& request, curl::List* list) {
  for (const auto& [name, value] : request.headers) {
    if (HasControl(name) || HasControl(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the header ", name, " has a control character"));
    }
    if (!list->Add(absl::StrCat(name, ": ", value))) {
      return absl::UnavailableError("libcurl cannot be used");
    }
  }
  // Nobody needs to be asked first.
  if (!list->Add("Expect:")) return absl::UnavailableError("libcurl cannot be used");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<HttpAnswer> SendHttp(const HttpRequest& request, const std::atomic<bool>* stop) {
  if (HasControl(request.url) ||
      !(absl::StartsWith(request.url, "https://") || absl::StartsWith(request.url, "http://"))) {
    return absl::InvalidArgumentError("the URL must begin with https:// or http://");
  }
  curl::ErrorBuffer error;
  const curl::Handle handle = curl::NewHandle(request.timeout, request.ca_file, stop, &error);
  if (handle == nullptr) return absl::UnavailableError("libcurl cannot be used");
  CURL* const c = handle.get();
  curl::List headers;
  if (absl::Status status = AddHeaders(request, &headers); !status.ok()) return status;
  HttpAnswer answer;
  Taken taken{&answer.body, request.max_answer_bytes};
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  if (request.proxy) {
    curl_easy_setopt(c, CURLOPT_PROXY, nullptr);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
  }
  if (request.body.has_value()) {
    curl_easy_setopt(c, CURLOPT_POST, 1L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, request.body->data());
  }
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, Take);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &taken);
  const CURLcode done = curl_easy_perform(c);
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  // 1xx only announces the answer. Once that has begun, its status counts, whatever the rest is.
  if (done != CURLE_OK && (status < 200 || *stop)) {
    return absl::UnavailableError(curl::ErrorText(done, error));
  }
  answer.status = static_cast<int>(status);
  answer.body_cut = taken.cut || done != CURLE_OK;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &retry_after);
  answer.retry_after_s = static_cast<int>(std::clamp<curl_off_t>(retry_after, 0, kMaxRetryAfterS));
  return answer;
}

}  // namespace quotaplane
