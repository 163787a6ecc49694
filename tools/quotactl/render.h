// Answers of the public API as text for people. Pure: `now` is passed in.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "quotaplane/v1/quota.pb.h"
#include "tools/terminal/style.h"

namespace quotaplane::quotactl {

struct Renderer {
  terminal::Style style;
  absl::Time now;

  // Colour if stdout is a terminal; the present time.
  static Renderer ForStdout();

  std::string Reserve(const std::string& id, const v1::ReserveResponse& response) const;
  std::string Check(const v1::CheckResponse& response) const;
  std::string Extend(const std::string& id, const v1::ExtendResponse& response) const;
  std::string Commit(const std::string& id, const v1::CommitResponse& response) const;
  std::string Release(const std::string& id, const v1::ReleaseResponse& response) const;
  std::string Record(const std::string& id, const v1::RecordResponse& response) const;
  std::string Usage(const std::string& org, const v1::GetUsageResponse& response) const;
};

}  // namespace quotaplane::quotactl
