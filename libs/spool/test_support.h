// What the spool's tests share.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/spool/spool.h"

namespace quotaplane::spool {

inline std::unique_ptr<Spool> MustOpen(const std::string& dir, SpoolOptions options = {}) {
  absl::StatusOr<std::unique_ptr<Spool>> spool = Spool::Open(dir, options);
  EXPECT_TRUE(spool.ok()) << spool.status();
  return spool.ok() ? *std::move(spool) : nullptr;
}

inline std::future<absl::Status> AppendLater(Spool& spool, std::string record) {
  auto promise = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> result = promise->get_future();
  spool.Append(std::move(record),
               [promise](absl::Status status) { promise->set_value(std::move(status)); });
  return result;
}

inline absl::Status AppendAndWait(Spool& spool, std::string record) {
  return AppendLater(spool, std::move(record)).get();
}

// What Next gives, without waiting, until it has nothing more; the position of the last one in
// `last`.
inline std::vector<std::string> Drain(Spool& spool, uint64_t* last = nullptr) {
  std::vector<std::string> records;
  while (std::optional<Spool::Entry> entry = spool.Next(absl::ZeroDuration())) {
    records.push_back(std::move(entry->record));
    if (last != nullptr) *last = entry->position;
  }
  return records;
}

}  // namespace quotaplane::spool
