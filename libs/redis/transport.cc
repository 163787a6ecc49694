#include "libs/redis/transport.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <asio/connect.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/ssl/host_name_verification.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace quotaplane::redis {
namespace {

using Socket = asio::generic::stream_protocol::socket;
using Addresses = std::vector<asio::generic::stream_protocol::endpoint>;
using Connected = absl::AnyInvocable<void(absl::Status)>;

// Finds the addresses of an endpoint and connects a socket to the first that answers. Numeric
// addresses do not touch the resolver (and its thread).
class Connector {
 public:
  Connector(asio::io_context& io, const Endpoint& endpoint) : endpoint_(endpoint), resolver_(io) {}

  // `socket` outlives the operation or is closed before.
  void Connect(Socket& socket, Connected done) {
    if (!endpoint_.path.empty()) {
      if (endpoint_.path.size() >= sizeof(sockaddr_un::sun_path)) {
        return done(absl::InvalidArgumentError("the path is too long for a unix socket"));
      }
      return ConnectTo(socket, {asio::local::stream_protocol::endpoint(endpoint_.path)},
                       std::move(done));
    }
    std::error_code not_numeric;
    const auto address = asio::ip::make_address(endpoint_.host, not_numeric);
    if (!not_numeric) {
      const auto port = static_cast<uint16_t>(endpoint_.port);
      return ConnectTo(socket, {asio::ip::tcp::endpoint(address, port)}, std::move(done));
    }
    resolver_.async_resolve(
        endpoint_.host, std::to_string(endpoint_.port),
        [this, &socket, done = std::move(done)](
            std::error_code error, const asio::ip::tcp::resolver::results_type& found) mutable {
          if (error == asio::error::operation_aborted) return done(absl::CancelledError("closed"));
          if (error)
            return done(absl::UnavailableError(absl::StrCat("name lookup: ", error.message())));
          Addresses addresses;
          for (const auto& entry : found) addresses.emplace_back(entry.endpoint());
          ConnectTo(socket, addresses, std::move(done));
        });
  }

  void Cancel() {
    cancelled_ = true;
    resolver_.cancel();
  }

 private:
  void ConnectTo(Socket& socket, const Addresses& addresses, Connected done) {
    if (cancelled_) return done(absl::CancelledError("closed"));
    asio::async_connect(socket, addresses,
                        [this, &socket, done = std::move(done)](std::error_code error,
                                                                const auto& /*address*/) mutable {
                          if (error) return done(absl::UnavailableError(error.message()));
                          std::error_code ignored;  // not for unix sockets
                          if (endpoint_.path.empty())
                            socket.set_option(asio::ip::tcp::no_delay(true), ignored);
                          done(absl::OkStatus());
                        });
  }

  const Endpoint endpoint_;
  asio::ip::tcp::resolver resolver_;
  bool cancelled_ = false;
};

// Ends all operations of a socket; see Transport::Close.
void ShutDown(Socket& socket) {
  std::error_code ignored;
  socket.shutdown(Socket::shutdown_both, ignored);
  socket.cancel(ignored);
}

class PlainTransport : public Transport {
 public:
  PlainTransport(asio::io_context& io, const Endpoint& endpoint)
      : connector_(io, endpoint), socket_(io) {}

  void AsyncConnect(Connected done) override {
    connector_.Connect(socket_, [this, done = std::move(done)](absl::Status status) mutable {
      connected_ = status.ok();
      done(std::move(status));
    });
  }
  void AsyncReadSome(char* buffer, size_t size, IoHandler done) override {
    socket_.async_read_some(asio::buffer(buffer, size), std::move(done));
  }
  void AsyncWriteAll(std::string_view bytes, IoHandler done) override {
    asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), std::move(done));
  }
  bool CanSendFromAnyThread() const override { return true; }
  size_t TrySend(std::string_view bytes, std::error_code& error) override {
    const ssize_t sent =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      error = std::error_code(errno, std::system_category());
    }
    return 0;
  }
  void Close() override {
    connector_.Cancel();
    std::error_code ignored;
    // Before it is connected nobody else sends, and only closing keeps async_connect from the next
    // address.
    if (connected_) {
      ShutDown(socket_);
    } else {
      socket_.close(ignored);
    }
  }

 private:
  Connector connector_;
  Socket socket_;
  bool connected_ = false;
};

class TlsTransport : public Transport {
 public:
  TlsTransport(asio::io_context& io, asio::ssl::context& tls, const Endpoint& endpoint)
      : host_(endpoint.host), connector_(io, endpoint), stream_(io, tls) {}

  void AsyncConnect(Connected done) override {
    stream_.set_verify_callback(asio::ssl::host_name_verification(host_));
    std::error_code not_numeric;
    asio::ip::make_address(host_, not_numeric);
    if (not_numeric) SSL_set_tlsext_host_name(stream_.native_handle(), host_.c_str());
    connector_.Connect(stream_.next_layer(), [this,
                                              done = std::move(done)](absl::Status status) mutable {
      if (!status.ok()) return done(std::move(status));
      stream_.async_handshake(
          asio::ssl::stream_base::client, [done = std::move(done)](std::error_code error) mutable {
            done(error ? absl::UnavailableError(absl::StrCat("TLS: ", error.message()))
                       : absl::OkStatus());
          });
    });
  }
  void AsyncReadSome(char* buffer, size_t size, IoHandler done) override {
    stream_.async_read_some(asio::buffer(buffer, size), std::move(done));
  }
  void AsyncWriteAll(std::string_view bytes, IoHandler done) override {
    asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()), std::move(done));
  }
  bool CanSendFromAnyThread() const override { return false; }
  size_t TrySend(std::string_view, std::error_code& error) override {
    error = std::make_error_code(std::errc::operation_not_supported);
    return 0;
  }
  void Close() override {
    connector_.Cancel();
    std::error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  const std::string host_;
  Connector connector_;
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> MakeTransport(asio::io_context& io, asio::ssl::context* tls,
                                         const Endpoint& endpoint) {
  if (tls != nullptr) return std::make_unique<TlsTransport>(io, *tls, endpoint);
  return std::make_unique<PlainTransport>(io, endpoint);
}

absl::StatusOr<std::unique_ptr<asio::ssl::context>> MakeTlsContext(const TlsFiles& files) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  const auto failed = [](absl::string_view what, const std::string& file,
                         const std::error_code& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("TLS: ", what, " '", file, "': ", error.message()));
  };
  std::error_code error;
  context->set_verify_mode(asio::ssl::verify_peer, error);
  if (files.ca.empty()) {
    context->set_default_verify_paths(error);
    if (error) return failed("the system's authorities", "", error);
  } else {
    context->load_verify_file(files.ca, error);
    if (error) return failed("cafile", files.ca, error);
  }
  if (files.cert.empty()) return context;
  context->use_certificate_chain_file(files.cert, error);
  if (error) return failed("certfile", files.cert, error);
  context->use_private_key_file(files.key, asio::ssl::context::pem, error);
  if (error) return failed("keyfile", files.key, error);
  return context;
}

}  // namespace quotaplane::redis
