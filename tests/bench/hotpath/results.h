// What one run of the benchmark found, and the targets it is held to.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/hotpath/histogram.h"
#include "tests/bench/hotpath/load.h"

namespace quotaplane::bench {

inline constexpr std::array<int, 4> kInFlightLevels = {1, 4, 16, 64};
inline constexpr std::array<Operation, 4> kOperations = {Operation::kEmpty, Operation::kReserve,
                                                         Operation::kCommit, Operation::kPair};
inline constexpr double kTargetPairsPerS = 2'500;
inline constexpr double kTargetP99Us = 1'000;

// "empty", "reserve", "commit", "pair".
std::string NameOf(Operation operation);

// All rounds of one operation at one number in flight.
struct Cell {
  Histogram latency;             // pooled
  std::vector<double> per_s;     // by round
  std::vector<double> redis_us;  // per script call, by round; empty for empty calls
  double MedianPerS() const;
};

// All runs at one rate of the open loop.
struct OpenRow {
  double rate = 0;
  OpenResult pooled;
  std::vector<double> p99_us;  // of pairs, by run
  // Most runs kept up, with their p99 under the target.
  bool held = false;
};

struct Machine {
  std::string commit;
  std::string cpu;
  int cores = 0;
  std::string date;  // RFC 3339, UTC
  std::string redis;
};

struct Results {
  std::map<Operation, std::map<int, Cell>> closed;
  std::vector<OpenRow> open;  // ascending rates
  double redis_us_per_reserve = 0;
  double redis_us_per_commit = 0;
  double redis_bytes_per_calendar_counter = 0;
  double redis_bytes_per_sliding_counter = 0;
  double server_rss_mib = 0;
  Machine machine;

  // The highest rate that held; 0 where none did.
  double PairsPerSUnderTarget() const;
};

struct Target {
  std::string what;
  double measured = 0;
  double bound = 0;
  bool at_most = true;  // otherwise at least
  std::string unit;
  bool met() const { return at_most ? measured <= bound : measured >= bound; }
};
std::vector<Target> Targets(const Results& results);

double Median(std::vector<double> values);

}  // namespace quotaplane::bench
