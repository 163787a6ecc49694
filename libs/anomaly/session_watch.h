// Runaway sessions: one whose spend or calls within a quarter of an hour are far above what
// sessions of its kind (same org and model; the org's, where a model has too few) come to.
//
// The kind's distribution is a histogram on a logarithmic scale, five bins to a doubling, of
// quarter hours of sessions; it forgets slowly. A session is a runaway when its last quarter of an
// hour is above kTimes its kind's 99.5th percentile and its cost above the floor. Bounded:
// `max_sessions` sessions, the one longest idle goes first; kMaxKinds kinds. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/anomaly/series_bank.h"

namespace quotaplane::anomaly {

class SessionWatch {
 public:
  static constexpr double kTimes = 3;
  static constexpr double kPercentile = 0.995;
  static constexpr int kMinutes = 15;
  // Quarter hours of sessions before there is a verdict.
  static constexpr double kLeastKnown = 200;
  static constexpr size_t kMaxKinds = 2000;

  struct Runaway {
    std::string org{}, session{}, user{};
    Metric metric = Metric::kCost;
    int64_t usual = 0;   // the kind's percentile, for a quarter of an hour
    int64_t actual = 0;  // the session's last quarter of an hour
    int64_t cost_nano_usd = 0;
    bool over = false;
  };

  SessionWatch(size_t max_sessions, int64_t floor_nano_usd)
      : max_sessions_(max_sessions), floor_nano_usd_(floor_nano_usd) {}

  // One minute; `minute` counts minutes. Which runaways begin, and which are over (silent, or back
  // below the percentile, for a quarter of an hour).
  std::vector<Runaway> Add(int64_t minute, std::span<const UsageRow> rows);

  size_t size() const { return sessions_.size(); }
  uint64_t evicted() const { return evicted_; }

  template <typename Codec>
  void Code(Codec& codec);

 private:
  static constexpr int kBins = 200;
  struct Kind {
    std::array<float, kBins> cost{}, calls{};
    double known = 0;
    template <typename Codec>
    void Code(Codec& codec) {
      codec.Each(cost);
      codec.Each(calls);
      codec(known);
      if constexpr (Codec::kReading) codec.Check(known >= 0);
    }
  };
  struct Session {
    std::string org{}, model{}, user{};
    int64_t last_minute = 0, since = 0, calm_since = 0;
    std::array<int64_t, kMinutes> cost{}, calls{};
    int64_t at = 0;  // the minute that the rings' newest element is of
    bool told = false;
    template <typename Codec>
    void Code(Codec& codec) {
      codec(org);
      codec(model);
      codec(user);
      codec(last_minute);
      codec(since);
      codec(calm_since);
      codec.Each(cost);
      codec.Each(calls);
      codec(at);
      codec(told);
    }
  };
  using Key = std::pair<std::string, std::string>;  // org, and session or model

  static int BinOf(double value);
  static double ValueAt(int bin);
  static double Percentile(const std::array<float, kBins>& bins, double known);
  const Kind* KindOf(const Session& session) const;
  void LearnInto(const std::string& org, const std::string& model, double cost, double calls);
  static void MoveTo(Session& session, int64_t minute);

  size_t max_sessions_;
  int64_t floor_nano_usd_;
  uint64_t evicted_ = 0;
  std::map<Key, Session> sessions_;
  std::map<Key, Kind> kinds_;  // of a model, and of the whole org by ""
};

template <typename Codec>
void SessionWatch::Code(Codec& codec) {
  codec(evicted_);
  const auto each = [&](auto& map, size_t most) {
    auto size = static_cast<uint64_t>(map.size());
    codec(size);
    if constexpr (Codec::kReading) {
      codec.Check(size <= most);
      for (uint64_t i = 0; i < size && codec.ok(); ++i) {
        Key key;
        codec(key.first);
        codec(key.second);
        codec(map[key]);
      }
    } else {
      for (auto& [key, value] : map) {
        auto copy = key;
        codec(copy.first);
        codec(copy.second);
        codec(value);
      }
    }
  };
  each(sessions_, max_sessions_);
  each(kinds_, kMaxKinds);
}

}  // namespace quotaplane::anomaly
