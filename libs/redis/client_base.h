// What the clients of all topologies have in common: encoding, the engine, waiting for readiness,
// fan-out.
#pragma once

#include <condition_variable>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/redis/client.h"
#include "libs/redis/engine.h"
#include "libs/redis/node.h"

namespace quotaplane::redis {

// A derived class ends its destructor's work with StopEngine, before its members go.
class ClientBase : public Client, public Node::Owner {
 public:
  ClientBase(const Limits& limits, std::unique_ptr<asio::ssl::context> tls, Handshake handshake);

  void Call(std::string_view key, const std::vector<std::string_view>& args, SteadyTime deadline,
            Callback done) override;
  void RunScript(const Script& script, const std::vector<std::string_view>& keys,
                 const std::vector<std::string_view>& args, SteadyTime deadline,
                 Callback done) override;
  void CallEachMaster(const std::vector<std::string_view>& args, SteadyTime deadline,
                      Callback done) override;
  absl::Status WaitReady(absl::Duration timeout) override;
  Stats stats() const override;

  // Starts the io thread; the topology's own work begins on it.
  void Start();

 protected:
  using Nodes = std::vector<std::shared_ptr<Node>>;

  virtual void StartOnIoThread() = 0;
  // Takes the call to where it belongs, or ends it. Thread-safe.
  virtual void Send(Request request) = 0;
  virtual int SlotOf(std::string_view key) const = 0;
  // The masters as known now. Thread-safe.
  virtual Nodes Masters() const = 0;
  // Why there are none.
  virtual absl::Status WhyNoMasters() const = 0;

  void OnNodeChanged(Node& node) override;
  // Answers what no topology knows better: a script that is not there is sent again with its
  // source, a master that became a replica is left, the rest is the caller's.
  void OnErrorReply(Node& node, Request request, std::string message) override;
  void StopEngine(std::function<void()> stop_nodes);

  Engine engine_;
  const Handshake handshake_;

 private:
  absl::Status Readiness() const;

  Mutex changed_mu_;
  std::condition_variable_any changed_;
};

// The topology's client, not started.
std::unique_ptr<ClientBase> MakeSingleClient(const Limits& limits,
                                             std::unique_ptr<asio::ssl::context> tls,
                                             Handshake handshake, Url url);
std::unique_ptr<ClientBase> MakeClusterClient(const Limits& limits,
                                              std::unique_ptr<asio::ssl::context> tls,
                                              Handshake handshake, Url url);

}  // namespace quotaplane::redis
