#include "libs/http/smtp.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/http/curl_call.h"

namespace quotaplane {
namespace {

constexpr size_t kMaxAddressBytes = 254;

size_t Give(char* to, size_t, size_t room, void* rest) {
  auto* const text = static_cast<std::string_view*>(rest);
  const size_t size = std::min(room, text->size());
  std::memcpy(to, text->data(), size);
  text->remove_prefix(size);
  return size;
}

bool IsAddressPart(std::string_view part, std::string_view extra) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           extra.find(c) != std::string_view::npos;
  });
}

// A reply that the conversation ended with, or why there is none.
absl::Status StatusOf(CURLcode done, long reply, const curl::ErrorBuffer& error) {
  if (done == CURLE_OK) return absl::OkStatus();
  const std::string what =
      reply > 0 ? absl::StrCat("SMTP reply ", reply, " (", curl::ErrorText(done, error), ")")
                : curl::ErrorText(done, error);
  // TLS and log-ins that fail are put right, and then it goes.
  const bool refused =
      reply >= 500 && reply < 600 && done != CURLE_USE_SSL_FAILED && done != CURLE_LOGIN_DENIED;
  return refused ? absl::FailedPreconditionError(what) : absl::UnavailableError(what);
}

}  // namespace

bool IsEmailAddress(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos || text.size() > kMaxAddressBytes) return false;
  return IsAddressPart(text.substr(0, at), ".!#$%&'*+/=?^_`{|}~-") &&
         IsAddressPart(text.substr(at + 1), ".-");
}

absl::Status SendSmtp(const SmtpMail& mail, const std::atomic<bool>* stop) {
  for (const std::string& address : mail.to) {
    if (!IsEmailAddress(address)) return absl::InvalidArgumentError("an address is none");
  }
  if (!IsEmailAddress(mail.from)) return absl::InvalidArgumentError("the sender's is no address");
  curl::ErrorBuffer error;
  const curl::Handle handle = curl::NewHandle(mail.timeout, mail.ca_file, stop, &error);
  if (handle == nullptr) return absl::UnavailableError("libcurl cannot be used");
  CURL* const c = handle.get();
  curl::List to;
  for (const std::string& address : mail.to) {
    if (!to.Add(absl::StrCat("<", address, ">"))) {
      return absl::UnavailableError("libcurl cannot be used");
    }
  }
  const std::string from = absl::StrCat("<", mail.from, ">");
  std::string_view rest = mail.text;
  curl_easy_setopt(c, CURLOPT_URL, mail.server.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(
      c, CURLOPT_USE_SSL,
      static_cast<long>(mail.start_tls == SmtpMail::StartTls::kRequired    ? CURLUSESSL_ALL
                        : mail.start_tls == SmtpMail::StartTls::kIfOffered ? CURLUSESSL_TRY
                                                                           : CURLUSESSL_NONE));
  if (!mail.user.empty()) {
    curl_easy_setopt(c, CURLOPT_USERNAME, mail.user.c_str());
    curl_easy_setopt(c, CURLOPT_PASSWORD, mail.password.c_str());
  }
  curl_easy_setopt(c, CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to.get());
  curl_easy_setopt(c, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(c, CURLOPT_READFUNCTION, Give);
  curl_easy_setopt(c, CURLOPT_READDATA, &rest);
  const CURLcode done = curl_easy_perform(c);
  long reply = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &reply);
  return StatusOf(done, reply, error);
}

}  // namespace quotaplane
