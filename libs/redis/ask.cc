#include "libs/redis/ask.h"

#include <memory>
#include <string>
#include <utility>

#include "libs/redis/connection.h"
#include "libs/redis/server_error.h"

namespace quotaplane::redis {
namespace {

// Lives until its connection is closed, which an answer, a failure or the end of the engine brings
// about.
class Question : public Connection::Owner, public std::enable_shared_from_this<Question> {
 public:
  Question(Engine& engine, const std::vector<std::string_view>& args,
           std::function<void(absl::StatusOr<Reply>)> done)
      : engine_(engine), done_(std::move(done)) {
    AppendCommand(request_.call.wire, args);
    request_.internal = true;
  }

  void Start(const Endpoint& endpoint, const Credentials& credentials) {
    self_ = shared_from_this();
    connection_ = std::make_shared<Connection>(
        engine_, endpoint, Handshake{.credentials = credentials, .scripts = {}}, this);
    connection_->Start();
  }

  void OnReady() override {
    request_.deadline = std::chrono::steady_clock::now() + engine_.limits().connect_timeout;
    request_.done = [self = self_](absl::StatusOr<Reply> reply) { self->Answer(std::move(reply)); };
    connection_->Submit(request_);
  }
  void OnErrorReply(Request request, std::string message) override {
    engine_.End(request, ServerErrorStatus(message));
  }
  void OnClosed(const absl::Status& why) override {
    const auto self = std::move(self_);
    connection_ = nullptr;
    Answer(why);
  }

 private:
  void Answer(absl::StatusOr<Reply> reply) {
    if (!done_) return;
    std::exchange(done_, nullptr)(std::move(reply));
    if (connection_ != nullptr) connection_->Close(absl::CancelledError("answered"));
  }

  Engine& engine_;
  Request request_;
  std::function<void(absl::StatusOr<Reply>)> done_;
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Question> self_;
};

}  // namespace

void Ask(Engine& engine, const Endpoint& endpoint, const Credentials& credentials,
         const std::vector<std::string_view>& args,
         std::function<void(absl::StatusOr<Reply>)> done) {
  std::make_shared<Question>(engine, args, std::move(done))->Start(endpoint, credentials);
}

}  // namespace quotaplane::redis
