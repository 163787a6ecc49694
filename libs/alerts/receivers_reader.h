// The receivers file, in YAML -> Receivers. docs/alerts.md describes the format.
//
//   receivers:
//     pager:  {kind: alertmanager, url: "http://alertmanager:9093"}
//     finops: {kind: webhook, url: "https://hooks.example/quotaplane", secret_file: hook.secret}
//     chat:   {kind: slack, url_file: slack.url}
//     mail:
//       kind: email
//       server: smtp://mail.example:587
//       user: quotaplane
//       password_file: mail.password
//       from: quotaplane@example.com
//       to: [finops@example.com]
//   routes:                            # the first that matches
//     - {orgs: [acme, "acme-*"], kinds: [threshold, forecast], receivers: [finops]}
//     - {severities: [critical], receivers: [pager, chat]}
//   default: [chat]
//
// Files are relative to the receivers file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/alerts/receivers.h"

namespace quotaplane {

inline constexpr size_t kMaxSecretBytes = 4096;

// INVALID_ARGUMENT with all problems, each with its line, field and rule, also those of the files
// it names, and never with their contents. NOT_FOUND or PERMISSION_DENIED: the file itself.
absl::StatusOr<std::shared_ptr<const Receivers>> LoadReceiversFile(const std::string& path);

}  // namespace quotaplane
