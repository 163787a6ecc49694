#include "services/quotaplane/control_plane.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

// An item may have megabytes, which the store is given time to take in and send.
constexpr absl::Duration kBoardSilence = absl::Seconds(5);

int64_t LocalNowUs() { return absl::ToUnixMicros(absl::Now()); }

FollowerOptions FollowAs(const ControlPlaneOptions& plane) {
  FollowerOptions options;
  options.replica = plane.replica;
  options.conditions = plane.conditions;
  options.now_us = LocalNowUs;
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlPlane>> ControlPlane::Start(SnapshotHolder* snapshots,
                                                                  ControlPlaneOptions options,
                                                                  absl::Duration patience) {
  options.redis.silence_timeout = kBoardSilence;
  QP_ASSIGN_OR_RETURN(std::unique_ptr<redis::Client> client,
                      redis::Client::Start(options.redis, GetItemBoardScripts().all()));
  const absl::Time deadline = absl::Now() + patience;
  const absl::Status ready = client->WaitReady(patience);
  std::unique_ptr<ControlPlane> plane(
      new ControlPlane(snapshots, std::move(client), std::move(options)));
  if (ready.ok() && !plane->follower_.WaitForBoard(deadline - absl::Now())) {
    LogWarning("control state: what is new comes later, the board is not complete");
  }
  const FollowerStatus status = plane->status();
  if (status.at.epoch.empty() && !ready.ok()) {
    LogWarning("no control state yet: policies are those of the file, and no key is known");
  }
  return plane;
}

ControlPlane::ControlPlane(SnapshotHolder* snapshots, std::unique_ptr<redis::Client> client,
                           ControlPlaneOptions options)
    : started_(absl::Now()),
      client_(std::move(client)),
      board_(client_.get()),
      state_(snapshots, &keys_, &codec_, {options.before_policies, options.now_us}),
      follower_(&board_, options.saved_dir, &state_, FollowAs(options)) {}

std::vector<metrics::Family> ControlPlane::Metrics() const {
  using metrics::Family;
  const auto gauge = [](std::string name, std::string help, double value) {
    return Family{std::move(name), Family::Type::kGauge, std::move(help), {{value}}};
  };
  const FollowerStatus status = follower_.status();
  const ItemSink::Counts counts = state_.counts();
  const absl::Time contact =
      status.at.contact_us == 0 ? started_ : absl::FromUnixMicros(status.at.contact_us);
  return {
      gauge("quotaplane_control_available",
            "Whether this replica can ask the store for changes of policies and keys.",
            status.away ? 0 : 1),
      gauge("quotaplane_control_age_seconds",
            "Since this replica last knew that it had every change.",
            std::max(0.0, absl::ToDoubleSeconds(absl::Now() - contact))),
      gauge("quotaplane_control_change", "The last change that this replica has.",
            static_cast<double>(status.at.number)),
      gauge("quotaplane_control_items", "Policies, exceptions, keys and price books of it.",
            static_cast<double>(status.items)),
      gauge("quotaplane_control_rejected_items",
            "Of these, those that this version of the program cannot use.",
            static_cast<double>(counts.rejected)),
      gauge("quotaplane_control_keys", "Virtual keys that this replica knows.",
            static_cast<double>(counts.keys)),
      gauge("quotaplane_control_orgs", "Orgs with a policy of their own.",
            static_cast<double>(counts.orgs)),
      gauge("quotaplane_control_saved", "Whether all of it is on this replica's disk.",
            status.save_error.empty() ? 1 : 0),
  };
}

}  // namespace quotaplane
