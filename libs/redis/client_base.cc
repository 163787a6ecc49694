#include "libs/redis/client_base.h"

#include <asio/post.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/redis/server_error.h"

namespace quotaplane::redis {
namespace {

// The replies of a fan-out, until all are there.
struct Gathering {
  Gathering(size_t count, Callback done)
      : left(count), status_or_replies(Reply{}), done(std::move(done)) {
    status_or_replies->type = Reply::Type::kArray;
    status_or_replies->elements.resize(count);
  }

  void Add(size_t index, absl::StatusOr<Reply> reply) {
    {
      MutexLock lock(mu);
      if (!reply.ok()) {
        if (status_or_replies.ok()) status_or_replies = std::move(reply).status();
      } else if (status_or_replies.ok()) {
        status_or_replies->elements[index] = *std::move(reply);
      }
      if (--left > 0) return;
    }
    done(std::move(status_or_replies));
  }

  Mutex mu;
  size_t left;
  absl::StatusOr<Reply> status_or_replies;  // the first error wins
  Callback done;
};

}  // namespace

ClientBase::ClientBase(const Limits& limits, std::unique_ptr<asio::ssl::context> tls,
                       Handshake handshake)
    : engine_(limits, std::move(tls)), handshake_(std::move(handshake)) {}

void ClientBase::Start() {
  asio::post(engine_.io(), [this] { StartOnIoThread(); });
  engine_.Start();
}

void ClientBase::StopEngine(std::function<void()> stop_nodes) {
  engine_.Stop(std::move(stop_nodes));
}

void ClientBase::Call(std::string_view key, const std::vector<std::string_view>& args,
                      SteadyTime deadline, Callback done) {
  Request request;
  request.began = std::chrono::steady_clock::now();
  request.deadline = deadline;
  request.done = std::move(done);
  if (args.empty())
    return engine_.End(request, absl::InvalidArgumentError("Redis: an empty command"));
  AppendCommand(request.call.wire, args);
  request.slot = SlotOf(key);
  Send(std::move(request));
}

void ClientBase::RunScript(const Script& script, const std::vector<std::string_view>& keys,
                           const std::vector<std::string_view>& args, SteadyTime deadline,
                           Callback done) {
  Request request;
  request.began = std::chrono::steady_clock::now();
  request.call = EncodeEvalSha(script, keys, args);
  request.script = &script;
  request.deadline = deadline;
  request.done = std::move(done);
  request.slot = keys.empty() ? 0 : SlotOf(keys[0]);
  Send(std::move(request));
}

void ClientBase::CallEachMaster(const std::vector<std::string_view>& args, SteadyTime deadline,
                                Callback done) {
  Request whole;
  whole.done = std::move(done);
  const Nodes masters = Masters();
  if (args.empty())
    return engine_.End(whole, absl::InvalidArgumentError("Redis: an empty command"));
  if (masters.empty()) return engine_.End(whole, WhyNoMasters());
  const auto gathering = std::make_shared<Gathering>(masters.size(), std::move(whole.done));
  for (size_t i = 0; i < masters.size(); ++i) {
    Request request;
    AppendCommand(request.call.wire, args);
    request.deadline = deadline;
    request.slot = kNoSlot;
    request.done = [gathering, i](absl::StatusOr<Reply> reply) {
      gathering->Add(i, std::move(reply));
    };
    masters[i]->Submit(std::move(request));
  }
}

absl::Status ClientBase::Readiness() const {
  const Nodes masters = Masters();
  if (masters.empty()) return WhyNoMasters();
  for (const auto& master : masters) {
    if (!master->ready()) return master->error();
  }
  return absl::OkStatus();
}

absl::Status ClientBase::WaitReady(absl::Duration timeout) {
  const auto until = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  std::unique_lock lock(changed_mu_);
  for (;;) {
    const absl::Status status = Readiness();
    if (status.ok()) return status;
    if (changed_.wait_until(lock, until) == std::cv_status::timeout) {
      return absl::DeadlineExceededError(absl::StrCat("Redis is not ready: ", status.message()));
    }
  }
}

void ClientBase::OnNodeChanged(Node& /*node*/) {
  MutexLock lock(changed_mu_);  // not between somebody's look and its wait
  changed_.notify_all();
}

void ClientBase::OnErrorReply(Node& node, Request request, std::string message) {
  const ServerError error = Classify(message);
  if (error == ServerError::kNoScript && request.script != nullptr) {
    RewriteAsEval(*std::exchange(request.script, nullptr), request.call);
    return Send(std::move(request));
  }
  engine_.End(request, ServerErrorStatus(message));
  if (error == ServerError::kReadOnly) node.Reconnect("it is a replica now");
}

Client::Stats ClientBase::stats() const {
  const Counters& from = engine_.counters();
  Stats stats;
  stats.calls = from.calls;
  stats.errors = from.errors;
  stats.reconnects = from.reconnects;
  stats.redirects = from.redirects;
  stats.rejected_full = from.rejected_full;
  stats.pending = from.pending;
  stats.latency = from.latency.Read();
  return stats;
}

}  // namespace quotaplane::redis
