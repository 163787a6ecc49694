// The Redis topologies that the conformance suite runs over.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "libs/testing/fatal.h"
#include "libs/testing/redis_cluster.h"
#include "libs/testing/redis_server.h"

namespace quotaplane {

class Topology {
 public:
  // "Standalone", "Tls" or "Cluster".
  explicit Topology(const std::string& name) {
    fixtures::RedisOptions options;
    if (name == "Cluster") {
      cluster_ = std::make_unique<fixtures::RedisCluster>();
    } else if (name == "Tls" || name == "Standalone") {
      options.tls = name == "Tls";
      options.tcp = options.tls;
      server_ = std::make_unique<fixtures::RedisServer>(options);
    } else {
      fixtures::Fatal("no such topology: " + name);
    }
  }

  std::string url() const { return cluster_ != nullptr ? cluster_->url() : server_->url(); }

 private:
  std::unique_ptr<fixtures::RedisServer> server_;
  std::unique_ptr<fixtures::RedisCluster> cluster_;
};

}  // namespace quotaplane
