// The real server as a child of the test, at an address that stays the same over its restarts.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/testing/free_port.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::fixtures {

// "tester" costs 3 USD a million input tokens and 15 USD a million output tokens; "tester-2" the
// same; "free" nothing.
inline constexpr int64_t kInputNanoUsd = 3'000;
inline constexpr int64_t kOutputNanoUsd = 15'000;
extern const char kTestPrices[];

struct ServerProcessOptions {
  std::string policy = {};           // YAML; empty: none
  std::string prices = kTestPrices;  // YAML
  std::string redis = {};            // URL; empty: embedded
  std::string ledger = {};           // URL; empty: the server's default
  std::string roles = "quota,ledger";
  std::string data_dir = {};  // empty: one of its own
  std::vector<std::pair<std::string, std::string>> env = {};
  // Starts with SIGXFSZ ignored, so that RLIMIT_FSIZE makes a full disk of its files.
  bool ignore_file_size_signal = false;
};

// Not thread-safe; the address may be used from any thread at any time.
class ServerProcess {
 public:
  // Starts it and waits for its ready line; aborts with its log where it does not come.
  explicit ServerProcess(ServerProcessOptions options);

  const std::string& address() const { return address_; }
  const std::string& data_dir() const { return data_dir_; }
  pid_t pid() const { return process_->pid(); }

  void Signal(int signal) { process_->Signal(signal); }
  std::optional<ExitStatus> Wait(absl::Duration timeout) { return process_->Wait(timeout); }
  void Kill();  // SIGKILL; waits for the end
  // Same address, data and policy; waits for the ready line.
  void Start();

  // Replaces a file in one step, as an editor or a ConfigMap does.
  void WritePolicy(const std::string& yaml) const;
  void WritePrices(const std::string& yaml) const;
  std::string policy_path() const { return dir_.File("policy.yaml"); }

  // Everything it has printed, on both streams, over all starts.
  std::string Log() const;

  // What another server of the same options would be started with, but for its address.
  ProcessOptions Rival(const std::string& log_path) const;

 private:
  std::vector<std::string> Argv(const std::string& address) const;

  ServerProcessOptions options_;
  TempDir dir_;
  FreePort port_;
  std::string data_dir_;
  std::string address_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace quotaplane::fixtures
