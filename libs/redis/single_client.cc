// One master: a fixed server, or whoever the sentinels say.
#include <asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <utility>

#include "libs/redis/ask.h"
#include "libs/redis/client_base.h"
#include "libs/redis/sentinel.h"

namespace quotaplane::redis {
namespace {

// How often the sentinels are asked whether the master is still the one we are connected to. A
// failover mostly shows earlier: the old master dies, closes its connections or answers READONLY.
// This is for one that does not.
constexpr auto kSentinelPeriod = std::chrono::seconds(1);

class SingleClient : public ClientBase {
 public:
  SingleClient(const Limits& limits, std::unique_ptr<asio::ssl::context> tls, Handshake handshake,
               Url url)
      : ClientBase(limits, std::move(tls), std::move(handshake)), watch_timer_(engine_.io()) {
    EndpointSource source;
    if (url.topology == Topology::kSentinel) {
      sentinels_ = std::make_unique<SentinelGroup>(engine_, std::move(url.endpoints),
                                                   std::move(url.master_name));
      source = [this](auto found) { sentinels_->FindMaster(std::move(found)); };
    } else {
      source = [endpoint = url.endpoints[0]](const auto& found) { found(endpoint); };
    }
    node_ = std::make_shared<Node>(engine_, handshake_, std::move(source), this);
  }

  ~SingleClient() override {
    StopEngine([this] {
      watch_timer_.cancel();
      node_->Stop(absl::CancelledError("the Redis client is shutting down"));
    });
  }

  bool Available(std::string_view /*key*/) const override { return node_->ready(); }

 private:
  void StartOnIoThread() override {
    node_->Start();
    if (sentinels_ != nullptr) WatchMaster();
  }
  void Send(Request request) override { node_->Submit(std::move(request)); }
  int SlotOf(std::string_view /*key*/) const override { return kNoSlot; }
  Nodes Masters() const override { return {node_}; }
  absl::Status WhyNoMasters() const override { return absl::OkStatus(); }

  void WatchMaster() {
    watch_timer_.expires_after(kSentinelPeriod);
    watch_timer_.async_wait([this](std::error_code error) {
      if (error) return;
      if (!node_->ready()) return WatchMaster();  // it asks by itself before it connects
      sentinels_->FindMaster([this](const absl::StatusOr<Endpoint>& master) {
        if (master.ok() && node_->ready() && *master != node_->endpoint())
          return VerifyNewMaster(*master);
        if (!absl::IsCancelled(master.status())) WatchMaster();
      });
    });
  }

  // A sentinel may be behind the times: a good connection is left only for a server that calls
  // itself master.
  void VerifyNewMaster(const Endpoint& master) {
    Ask(engine_, master, handshake_.credentials, {"ROLE"},
        [this](const absl::StatusOr<Reply>& role) {
          if (absl::IsCancelled(role.status())) return;
          if (role.ok() && !role->elements.empty() && role->elements[0].text == "master") {
            node_->Reconnect("another server is master now");
          }
          WatchMaster();
        });
  }

  asio::steady_timer watch_timer_;
  std::unique_ptr<SentinelGroup> sentinels_;
  std::shared_ptr<Node> node_;
};

}  // namespace

std::unique_ptr<ClientBase> MakeSingleClient(const Limits& limits,
                                             std::unique_ptr<asio::ssl::context> tls,
                                             Handshake handshake, Url url) {
  handshake.require_master = url.topology == Topology::kSentinel;
  return std::make_unique<SingleClient>(limits, std::move(tls), std::move(handshake),
                                        std::move(url));
}

}  // namespace quotaplane::redis
