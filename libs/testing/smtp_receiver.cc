#include "libs/testing/smtp_receiver.h"

#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace quotaplane::fixtures {
namespace {

// What stands between < and >.
std::string Address(const std::string& line) {
  const size_t begin = line.find('<');
  const size_t end = line.find('>');
  return begin == std::string::npos || end < begin ? "" : line.substr(begin + 1, end - begin - 1);
}

}  // namespace

SmtpReceiver::SmtpReceiver(std::optional<TlsFiles> tls) : offers_tls_(tls.has_value()) {
  server_ = std::make_unique<SocketServer>([this](SocketStream& stream) { Serve(stream); },
                                           std::move(tls));
}

SmtpReceiver::~SmtpReceiver() { server_.reset(); }

void SmtpReceiver::Reply(const std::string& command, const std::string& reply) {
  const std::lock_guard lock(mutex_);
  replies_[command] = reply;
}

std::string SmtpReceiver::Url() const { return absl::StrCat("smtp://127.0.0.1:", server_->port()); }

std::vector<SmtpReceived> SmtpReceiver::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

bool SmtpReceiver::WaitFor(size_t count, absl::Duration timeout) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_until(lock,
                             std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout),
                             [&] { return received_.size() >= count; });
}

std::string SmtpReceiver::ReplyTo(const std::string& command, const std::string& usual) const {
  const std::lock_guard lock(mutex_);
  const auto found = replies_.find(command);
  return absl::StrCat(found == replies_.end() ? usual : found->second, "\r\n");
}

bool SmtpReceiver::TakeMail(SocketStream& stream, const SmtpReceived& envelope) {
  const std::string go_on = ReplyTo("DATA", "354 go on");
  if (!stream.Write(go_on)) return false;
  if (!go_on.starts_with("354")) return true;
  SmtpReceived mail = envelope;
  std::string line;
  while (stream.ReadLine(&line) && line != ".") {
    absl::StrAppend(&mail.text, line.starts_with('.') ? line.substr(1) : line, "\n");
  }
  if (line != ".") return false;
  const std::string reply = ReplyTo(".", "250 taken");
  if (reply.starts_with('2')) {
    const std::lock_guard lock(mutex_);
    received_.push_back(std::move(mail));
  }
  arrived_.notify_all();
  return stream.Write(reply);
}

void SmtpReceiver::Serve(SocketStream& stream) {
  SmtpReceived mail;
  if (!stream.Write("220 ready\r\n")) return;
  std::string line;
  while (stream.ReadLine(&line)) {
    const std::string command = absl::AsciiStrToUpper(line.substr(0, line.find(' ')));
    std::string reply;
    if (command == "EHLO") {
      reply = absl::StrCat("250-here\r\n", offers_tls_ && !mail.tls ? "250-STARTTLS\r\n" : "",
                           "250-AUTH PLAIN\r\n250 8BITMIME\r\n");
    } else if (command == "STARTTLS") {
      if (!stream.Write("220 go\r\n") || !stream.StartTls()) return;
      mail = {};
      mail.tls = true;
      continue;
    } else if (command == "AUTH") {
      mail.login = line;
      if (line == "AUTH PLAIN") {
        if (!stream.Write("334 \r\n") || !stream.ReadLine(&mail.login)) return;
      }
      reply = ReplyTo("AUTH", "235 welcome");
    } else if (command == "MAIL") {
      mail.from = Address(line);
      mail.to.clear();
      reply = ReplyTo("MAIL", "250 ok");
    } else if (command == "RCPT") {
      reply = ReplyTo("RCPT", "250 ok");
      if (reply.starts_with('2')) mail.to.push_back(Address(line));
    } else if (command == "DATA") {
      if (!TakeMail(stream, mail)) return;
      continue;
    } else if (command == "QUIT") {
      stream.Write("221 bye\r\n");
      return;
    } else {
      reply = "502 what\r\n";
    }
    if (!stream.Write(reply)) return;
  }
}

}  // namespace quotaplane::fixtures
