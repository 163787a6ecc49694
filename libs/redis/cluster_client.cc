// A Redis Cluster: a Node per master, calls by slot, redirections followed.
//
// The map of slots is read from any server that answers CLUSTER SLOTS: at the start, whenever a
// MOVED, a CLUSTERDOWN or a lost node says that it may be stale, and every few seconds. All of it
// lives on the io thread; callers use the published, immutable SlotMap.
#include <algorithm>
#include <array>
#include <asio/steady_timer.hpp>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/redis/ask.h"
#include "libs/redis/client_base.h"
#include "libs/redis/server_error.h"
#include "libs/redis/slots.h"

namespace quotaplane::redis {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxRedirections = 5;
constexpr size_t kMaxNodes = 1000;
constexpr auto kSettledPeriod = milliseconds(5000);   // between looks at the map while all is well
constexpr auto kUnsettledPeriod = milliseconds(100);  // and while some node is not ready
constexpr auto kShortestPeriod = milliseconds(20);    // however many redirections come
constexpr auto kParkedTick = milliseconds(2);
constexpr auto kFirstTryAgain = milliseconds(5);  // doubles with each try
constexpr auto kKeepUnlisted =
    std::chrono::seconds(10);  // a node without slots, such as the target of an ASK

struct SlotMap {
  static constexpr int16_t kNobody = -1;
  std::array<int16_t, kSlots> owner;  // index into masters
  std::vector<std::shared_ptr<Node>> masters;

  SlotMap() { owner.fill(kNobody); }
  const std::shared_ptr<Node>* Of(int slot) const {
    return owner[slot] == kNobody ? nullptr : &masters[owner[slot]];
  }
  void Assign(int first, int last, const std::shared_ptr<Node>& node) {
    auto found = std::find(masters.begin(), masters.end(), node);
    if (found == masters.end()) found = masters.insert(masters.end(), node);
    std::fill(owner.begin() + first, owner.begin() + last + 1,
              static_cast<int16_t>(found - masters.begin()));
  }
};

struct KnownNode {
  std::shared_ptr<Node> node;
  std::optional<SteadyTime> unlisted_since;  // when it stopped being a master of slots
};

// A redirected call that waits for its target to connect, or for a migration to move on.
struct Parked {
  Request request;
  std::shared_ptr<Node> target;  // null: by its slot
  SteadyTime not_before;
};

class ClusterClient : public ClientBase {
 public:
  ClusterClient(const Limits& limits, std::unique_ptr<asio::ssl::context> tls, Handshake handshake,
                Url url)
      : ClientBase(limits, std::move(tls), std::move(handshake)),
        seeds_(std::move(url.endpoints)),
        refresh_timer_(engine_.io()),
        parked_timer_(engine_.io()) {}

  ~ClusterClient() override {
    StopEngine([this] { StopAll(absl::CancelledError("the Redis client is shutting down")); });
  }

  bool Available(std::string_view key) const override {
    const auto map = CurrentMap();
    const std::shared_ptr<Node>* node = map->Of(SlotOf(key));
    return node != nullptr && (*node)->ready();
  }

 private:
  // --- on any thread ---
  std::shared_ptr<const SlotMap> CurrentMap() const {
    MutexLock lock(mu_);
    return map_;
  }
  void Send(Request request) override;
  int SlotOf(std::string_view key) const override { return KeySlot(key); }
  Nodes Masters() const override { return CurrentMap()->masters; }
  absl::Status WhyNoMasters() const override {
    MutexLock lock(mu_);
    return Unshared(map_error_);
  }

  // --- on the io thread: calls ---
  void OnErrorReply(Node& node, Request request, std::string message) override;
  void Redirect(Node& from, Request request, const std::string& message, bool ask);
  void SendTo(const std::shared_ptr<Node>& node, Request request);
  void Park(Request request, std::shared_ptr<Node> target, milliseconds delay);
  void ArmParked();
  void RunParked();

  // --- on the io thread: the map ---
  void StartOnIoThread() override { RefreshWithin(milliseconds(0)); }
  void OnNodeChanged(Node& node) override;
  void RefreshWithin(std::chrono::nanoseconds delay);
  void Refresh();
  void AskForMap(Nodes nodes, size_t seeds_asked, const absl::Status& last_error);
  // nullopt: nothing to be learnt from it.
  std::optional<std::vector<SlotRange>> ReadMap(const absl::StatusOr<Reply>& reply,
                                                const Endpoint& asked);
  void Adopt(std::vector<SlotRange> ranges);
  void PublishMap();
  void DropUnlisted();
  void FinishRefresh();
  std::shared_ptr<Node> NodeAt(const Endpoint& endpoint);
  void StopAll(const absl::Status& why);

  mutable Mutex mu_;
  std::shared_ptr<const SlotMap> map_ ABSL_GUARDED_BY(mu_) = std::make_shared<SlotMap>();
  absl::Status map_error_ ABSL_GUARDED_BY(mu_) =
      absl::UnavailableError("Redis Cluster: no server has been reached yet");

  const std::vector<Endpoint> seeds_;
  size_t next_seed_ = 0;
  std::map<std::string, KnownNode> nodes_;  // by address
  std::vector<SlotRange> ranges_;           // as last read
  asio::steady_timer refresh_timer_;
  SteadyTime refresh_at_ = SteadyTime::max();
  SteadyTime last_refresh_{};
  bool refreshing_ = false;
  bool stopped_ = false;
  std::list<Parked> parked_;
  asio::steady_timer parked_timer_;
  std::minstd_rand random_{std::random_device{}()};
};

void ClusterClient::Send(Request request) {
  const auto map = CurrentMap();
  if (const std::shared_ptr<Node>* node = map->Of(request.slot))
    return (*node)->Submit(std::move(request));
  absl::Status error = WhyNoMasters();
  if (error.ok())
    error =
        absl::UnavailableError(absl::StrCat("Redis Cluster: nobody serves slot ", request.slot));
  engine_.End(request, std::move(error));
}

void ClusterClient::OnErrorReply(Node& node, Request request, std::string message) {
  const ServerError error = Classify(message);
  const bool by_slot = request.slot != kNoSlot;
  if (by_slot && (error == ServerError::kMoved || error == ServerError::kAsk)) {
    return Redirect(node, std::move(request), message, error == ServerError::kAsk);
  }
  if (by_slot && error == ServerError::kTryAgain && request.redirections < kMaxRedirections) {
    const milliseconds delay = kFirstTryAgain * (1 << request.redirections++);
    return Park(std::move(request), nullptr, delay);
  }
  if (error == ServerError::kClusterDown || error == ServerError::kReadOnly)
    RefreshWithin(kShortestPeriod);
  ClientBase::OnErrorReply(node, std::move(request), std::move(message));
}

void ClusterClient::Redirect(Node& from, Request request, const std::string& message, bool ask) {
  engine_.counters().redirects.fetch_add(1, std::memory_order_relaxed);
  std::optional<Redirection> to = ParseRedirection(message);
  if (!to || ++request.redirections > kMaxRedirections) {
    return engine_.End(request, absl::UnavailableError(absl::StrCat(
                                    "Redis Cluster: redirected too often: ", message)));
  }
  if (to->endpoint.host.empty()) to->endpoint.host = from.endpoint().host;
  const std::shared_ptr<Node> target = NodeAt(to->endpoint);
  if (target == nullptr)
    return engine_.End(request, absl::UnavailableError("Redis Cluster: too many nodes"));
  if (!ask) {
    RefreshWithin(milliseconds(0));
    if (target->ready()) {
      auto map = std::make_shared<SlotMap>(*CurrentMap());
      map->Assign(to->slot, to->slot, target);
      MutexLock lock(mu_);
      map_ = std::move(map);
    }
  }
  request.asking = ask;
  SendTo(target, std::move(request));
}

void ClusterClient::SendTo(const std::shared_ptr<Node>& node, Request request) {
  if (node->fresh()) return Park(std::move(request), node, kParkedTick);
  node->Submit(std::move(request));
}

void ClusterClient::Park(Request request, std::shared_ptr<Node> target, milliseconds delay) {
  if (parked_.size() >= engine_.limits().max_pending) {
    engine_.counters().rejected_full.fetch_add(1, std::memory_order_relaxed);
    return engine_.End(
        request, absl::ResourceExhaustedError("Redis Cluster: too many redirected calls wait"));
  }
  engine_.counters().pending.fetch_add(1, std::memory_order_relaxed);
  const SteadyTime at = std::chrono::steady_clock::now() + delay;
  parked_.push_back({std::move(request), std::move(target), at});
  if (parked_.size() == 1) ArmParked();
}

void ClusterClient::ArmParked() {
  parked_timer_.expires_after(kParkedTick);
  parked_timer_.async_wait([this](std::error_code error) {
    if (!error && !stopped_) RunParked();
  });
}

void ClusterClient::RunParked() {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::list<Parked> due;
  for (auto it = parked_.begin(); it != parked_.end();) {
    const auto next = std::next(it);
    const bool connecting = it->target != nullptr && it->target->fresh();
    if (it->request.deadline <= now || (it->not_before <= now && !connecting)) {
      due.splice(due.end(), parked_, it);
    }
    it = next;
  }
  if (!parked_.empty()) ArmParked();
  engine_.counters().pending.fetch_sub(static_cast<int64_t>(due.size()), std::memory_order_relaxed);
  for (Parked& parked : due) {
    if (parked.request.deadline <= now) {
      engine_.End(parked.request,
                  absl::DeadlineExceededError("Redis Cluster: redirected past the deadline"));
    } else if (parked.target != nullptr) {
      parked.target->Submit(std::move(parked.request));
    } else {
      Send(std::move(parked.request));
    }
  }
}

void ClusterClient::OnNodeChanged(Node& node) {
  if (stopped_) return;
  PublishMap();
  if (!node.ready()) RefreshWithin(kShortestPeriod);
  ClientBase::OnNodeChanged(node);
}

void ClusterClient::RefreshWithin(std::chrono::nanoseconds delay) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const SteadyTime at = std::max<SteadyTime>(now + delay, last_refresh_ + kShortestPeriod);
  if (stopped_ || at >= refresh_at_) return;
  refresh_at_ = at;
  refresh_timer_.expires_at(at);
  refresh_timer_.async_wait([this](std::error_code error) {
    if (!error && !stopped_) Refresh();
  });
}

void ClusterClient::Refresh() {
  refresh_at_ = SteadyTime::max();
  if (refreshing_) return RefreshWithin(kShortestPeriod);
  refreshing_ = true;
  Nodes ready;
  for (const auto& [address, known] : nodes_) {
    if (known.node->ready()) ready.push_back(known.node);
  }
  std::shuffle(ready.begin(), ready.end(), random_);
  AskForMap(std::move(ready), 0, absl::OkStatus());
}

// Asks the nodes from the back, then the seeds, until one answers.
void ClusterClient::AskForMap(Nodes nodes, size_t seeds_asked, const absl::Status& last_error) {
  const auto take = [this](const Endpoint& asked, const absl::StatusOr<Reply>& reply) {
    if (stopped_ || absl::IsCancelled(reply.status())) return true;
    std::optional<std::vector<SlotRange>> ranges = ReadMap(reply, asked);
    if (!ranges) return false;
    Adopt(*std::move(ranges));
    return true;
  };
  if (!nodes.empty()) {
    const std::shared_ptr<Node> node = nodes.back();
    nodes.pop_back();
    Request request;
    AppendCommand(request.call.wire, std::array<std::string_view, 2>{"CLUSTER", "SLOTS"});
    request.internal = true;
    request.deadline = std::chrono::steady_clock::now() + engine_.limits().connect_timeout;
    request.done = [this, take, seeds_asked, rest = std::move(nodes),
                    asked = node->endpoint()](const absl::StatusOr<Reply>& reply) mutable {
      if (!take(asked, reply)) AskForMap(std::move(rest), seeds_asked, reply.status());
    };
    return node->Submit(std::move(request));
  }
  if (seeds_asked == seeds_.size()) {
    {
      MutexLock lock(mu_);
      if (map_->masters.empty() && !last_error.ok()) map_error_ = Unshared(last_error);
    }
    return FinishRefresh();
  }
  const Endpoint& seed = seeds_[next_seed_++ % seeds_.size()];
  Ask(engine_, seed, handshake_.credentials, {"CLUSTER", "SLOTS"},
      [this, take, seed, seeds_asked](const absl::StatusOr<Reply>& reply) {
        if (!take(seed, reply)) AskForMap({}, seeds_asked + 1, reply.status());
      });
}

std::optional<std::vector<SlotRange>> ClusterClient::ReadMap(const absl::StatusOr<Reply>& reply,
                                                             const Endpoint& asked) {
  if (!reply.ok()) return std::nullopt;
  absl::StatusOr<std::vector<SlotRange>> ranges = ParseClusterSlots(*reply, asked);
  // A server that knows no slots has not joined yet, or has been thrown out.
  if (!ranges.ok() || ranges->empty()) return std::nullopt;
  return *std::move(ranges);
}

void ClusterClient::Adopt(std::vector<SlotRange> ranges) {
  ranges_ = std::move(ranges);
  for (auto& [address, known] : nodes_) {
    const bool listed =
        std::any_of(ranges_.begin(), ranges_.end(), [&known = known](const SlotRange& range) {
          return range.master == known.node->endpoint();
        });
    if (listed) {
      known.unlisted_since.reset();
    } else if (!known.unlisted_since) {
      known.unlisted_since = std::chrono::steady_clock::now();
    }
  }
  for (const SlotRange& range : ranges_) NodeAt(range.master);
  PublishMap();
  DropUnlisted();
  FinishRefresh();
}

// The map of ranges_, except that a master which is still connecting does not yet take over from
// one that is ready: the latter's redirections keep calls waiting where the former would refuse
// them.
void ClusterClient::PublishMap() {
  const auto old = CurrentMap();
  auto map = std::make_shared<SlotMap>();
  for (const SlotRange& range : ranges_) {
    const auto found = nodes_.find(range.master.ToString());
    if (found == nodes_.end()) continue;
    const std::shared_ptr<Node>& node = found->second.node;
    if (!node->fresh()) {
      map->Assign(range.first, range.last, node);
      continue;
    }
    for (int slot = range.first; slot <= range.last; ++slot) {
      const std::shared_ptr<Node>* before = old->Of(slot);
      map->Assign(slot, slot, before != nullptr && (*before)->ready() ? *before : node);
    }
  }
  MutexLock lock(mu_);
  map_ = std::move(map);
  if (!ranges_.empty()) map_error_ = absl::OkStatus();
}

void ClusterClient::DropUnlisted() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (auto it = nodes_.begin(); it != nodes_.end();) {
    const KnownNode known = it->second;
    const bool dead = !known.node->ready() && !known.node->fresh();
    const bool idle = !known.node->HasPending() && known.unlisted_since &&
                      now - *known.unlisted_since > kKeepUnlisted;
    if (known.unlisted_since && (dead || idle)) {
      it = nodes_.erase(it);
      known.node->Stop(absl::UnavailableError("Redis Cluster: the server has left"));
    } else {
      ++it;
    }
  }
}

void ClusterClient::FinishRefresh() {
  refreshing_ = false;
  last_refresh_ = std::chrono::steady_clock::now();
  const Nodes masters = Masters();
  const bool settled =
      !masters.empty() && std::all_of(masters.begin(), masters.end(),
                                      [](const auto& master) { return master->ready(); });
  const auto period = settled ? kSettledPeriod : kUnsettledPeriod;
  RefreshWithin(std::chrono::duration_cast<std::chrono::nanoseconds>(
      period * std::uniform_real_distribution<double>(0.75, 1.25)(random_)));
}

std::shared_ptr<Node> ClusterClient::NodeAt(const Endpoint& endpoint) {
  const std::string address = endpoint.ToString();
  if (const auto found = nodes_.find(address); found != nodes_.end()) return found->second.node;
  if (nodes_.size() >= kMaxNodes) return nullptr;
  const auto node = std::make_shared<Node>(
      engine_, handshake_, [endpoint](const auto& found) { found(endpoint); }, this);
  nodes_.emplace(address, KnownNode{node, std::nullopt});
  node->Start();
  return node;
}

void ClusterClient::StopAll(const absl::Status& why) {
  stopped_ = true;
  refresh_timer_.cancel();
  parked_timer_.cancel();
  std::list<Parked> parked;
  parked.swap(parked_);
  engine_.counters().pending.fetch_sub(static_cast<int64_t>(parked.size()),
                                       std::memory_order_relaxed);
  for (Parked& one : parked) engine_.End(one.request, Unshared(why));
  for (const auto& [address, known] : nodes_) known.node->Stop(why);
  nodes_.clear();
}

}  // namespace

std::unique_ptr<ClientBase> MakeClusterClient(const Limits& limits,
                                              std::unique_ptr<asio::ssl::context> tls,
                                              Handshake handshake, Url url) {
  return std::make_unique<ClusterClient>(limits, std::move(tls), std::move(handshake),
                                         std::move(url));
}

}  // namespace quotaplane::redis
