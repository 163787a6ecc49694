// A real prometheus-alertmanager of the test's own: a temp directory, a leased port, stopped by
// pid.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libs/testing/free_port.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::fixtures {

// Made means running: the constructor returns when /-/ready says so. It forgets its alerts when it
// is stopped. Failures abort with its log. Not thread-safe.
class AlertmanagerServer {
 public:
  // What it takes is sent to `webhook_url` at once, if given.
  explicit AlertmanagerServer(const std::string& webhook_url = "");
  ~AlertmanagerServer();

  void Stop();
  void Start();
  std::string url() const;
  // The body that GET of the path answers; empty where it did not answer with 200.
  std::string Get(std::string_view path) const;

 private:
  TempDir dir_;
  FreePort port_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace quotaplane::fixtures
