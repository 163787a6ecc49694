#include "libs/testing/http_receiver.h"

#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace quotaplane::fixtures {
namespace {

bool ReadRequest(SocketStream& stream, HttpReceived* request) {
  std::string line;
  if (!stream.ReadLine(&line)) return false;
  const size_t first = line.find(' ');
  const size_t second = line.rfind(' ');
  if (first == std::string::npos || second <= first) return false;
  request->method = line.substr(0, first);
  request->path = line.substr(first + 1, second - first - 1);
  while (stream.ReadLine(&line) && !line.empty()) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) return false;
    std::string value = line.substr(colon + 1);
    absl::StripAsciiWhitespace(&value);
    request->headers[absl::AsciiStrToLower(line.substr(0, colon))] = value;
  }
  size_t size = 0;
  const auto length = request->headers.find("content-length");
  if (length != request->headers.end() && !absl::SimpleAtoi(length->second, &size)) return false;
  return stream.ReadBytes(size, &request->body);
}

}  // namespace

std::string HttpAnswerOf(int status, std::string_view body, std::string_view headers) {
  std::string answer = absl::StrCat("HTTP/1.1 ", status, " As Told\r\nConnection: close\r\n");
  answer.append(headers);
  absl::StrAppend(&answer, "Content-Length: ", body.size(), "\r\n\r\n");
  answer.append(body);
  return answer;
}

HttpReceiver::HttpReceiver(Handler handler, std::optional<TlsFiles> tls)
    : tls_(tls.has_value()), handler_(std::move(handler)) {
  server_ = std::make_unique<SocketServer>([this](SocketStream& stream) { Serve(stream); },
                                           std::move(tls));
}

HttpReceiver::~HttpReceiver() { server_.reset(); }

void HttpReceiver::Answer(Handler handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

std::string HttpReceiver::Url(std::string_view path) const {
  std::string url = absl::StrCat(tls_ ? "https" : "http", "://127.0.0.1:", server_->port());
  return url.append(path);
}

std::vector<HttpReceived> HttpReceiver::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

bool HttpReceiver::WaitFor(size_t count, absl::Duration timeout) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_until(lock,
                             std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout),
                             [&] { return received_.size() >= count; });
}

void HttpReceiver::Serve(SocketStream& stream) {
  if (tls_ && !stream.StartTls()) return;
  HttpReceived request;
  if (!ReadRequest(stream, &request)) return;
  Handler handler;
  {
    const std::lock_guard lock(mutex_);
    handler = handler_;
    received_.push_back(request);
  }
  arrived_.notify_all();
  const std::string answer = handler ? handler(request) : HttpAnswerOf(200);
  if (answer.empty() || !stream.Write(answer)) return stream.WaitForEnd();
}

}  // namespace quotaplane::fixtures
