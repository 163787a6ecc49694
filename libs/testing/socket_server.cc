#include "libs/testing/socket_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <iterator>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

constexpr size_t kMaxLineBytes = 1 << 20;

class Stream final : public SocketStream {
 public:
  Stream(int fd, const TlsFiles* tls) : fd_(fd), tls_(tls) {}
  ~Stream() override {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  bool ReadLine(std::string* line) override {
    for (;;) {
      const size_t end = held_.find('\n');
      if (end != std::string::npos) {
        *line = held_.substr(0, end);
        held_.erase(0, end + 1);
        if (line->ends_with('\r')) line->pop_back();
        return true;
      }
      if (held_.size() > kMaxLineBytes || !Fill()) return false;
    }
  }
  bool ReadBytes(size_t count, std::string* bytes) override {
    while (held_.size() < count) {
      if (!Fill()) return false;
    }
    *bytes = held_.substr(0, count);
    held_.erase(0, count);
    return true;
  }
  bool Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t wrote = ssl_ != nullptr
                                ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (wrote <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(wrote));
    }
    return true;
  }
  bool StartTls() override {
    if (tls_ == nullptr) Fatal("StartTls without the files for it");
    // OpenSSL writes without MSG_NOSIGNAL.
    std::signal(SIGPIPE, SIG_IGN);
    context_ = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context_, tls_->server_cert.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_, tls_->server_key.c_str(), SSL_FILETYPE_PEM) != 1) {
      Fatal("the certificate cannot be used");
    }
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
    return SSL_accept(ssl_) == 1;
  }
  void WaitForEnd() override {
    while (Fill()) held_.clear();
  }

 private:
  bool Fill() {
    char bytes[16 << 10];
    const ssize_t got = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof(bytes))
                                        : ::recv(fd_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    held_.append(bytes, static_cast<size_t>(got));
    return true;
  }

  const int fd_;
  const TlsFiles* const tls_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string held_;
};

}  // namespace

class SocketServer::Listener {
 public:
  Listener(int port, const std::function<void(SocketStream&)>* handler, const TlsFiles* tls)
      : handler_(handler), tls_(tls), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(fd_, 64) != 0) {
      FatalErrno("cannot listen");
    }
    thread_ = std::thread([this] { Accept(); });
  }
  ~Listener() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
    {
      const std::lock_guard lock(mutex_);
      for (const Call& call : calls_) {
        if (!call.done) ::shutdown(call.fd, SHUT_RDWR);
      }
    }
    for (Call& call : calls_) call.thread.join();
  }

 private:
  struct Call {
    int fd = -1;
    bool done = false;  // and fd closed
    std::thread thread;
  };

  void Accept() {
    int fd;
    while ((fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
      const std::lock_guard lock(mutex_);
      for (auto call = calls_.begin(); call != calls_.end();) {
        if (call->done) call->thread.join();
        call = call->done ? calls_.erase(call) : std::next(call);
      }
      Call& call = calls_.emplace_back();
      call.fd = fd;
      call.thread = std::thread([this, &call] { Serve(&call); });
    }
  }
  void Serve(Call* call) {
    int fd;
    {
      const std::lock_guard lock(mutex_);
      fd = call->fd;
    }
    {
      Stream stream(fd, tls_);
      (*handler_)(stream);
    }
    const std::lock_guard lock(mutex_);
    ::close(fd);
    call->done = true;
  }

  const std::function<void(SocketStream&)>* const handler_;
  const TlsFiles* const tls_;
  const int fd_;
  std::mutex mutex_;
  std::list<Call> calls_;
  std::thread thread_;
};

SocketServer::SocketServer(std::function<void(SocketStream&)> handler, std::optional<TlsFiles> tls)
    : handler_(std::move(handler)), tls_(std::move(tls)) {
  Up();
}

SocketServer::~SocketServer() = default;

void SocketServer::Down() { listener_.reset(); }

void SocketServer::Up() {
  listener_ = std::make_unique<Listener>(port_.port(), &handler_, tls_ ? &*tls_ : nullptr);
}

}  // namespace quotaplane::fixtures
