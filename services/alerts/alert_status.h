// How the alerts role is doing, for its metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "libs/alert_sources/usage_watch.h"
#include "libs/alerts/alert.h"
#include "libs/alerts/alert_dispatch.h"
#include "libs/alerts/delivery_queue.h"
#include "libs/ledger/forecast_round.h"
#include "services/alerts/crossing_reader.h"

namespace quotaplane {

struct AlertStatus {
  bool available = false;  // the database is open, and the last round went through
  bool leading = false;    // this process watches usage and forecasts
  std::map<std::pair<AlertState, AlertKind>, int64_t> open;  // alerts
  std::map<std::string, DeliveryQueue::Depth> deliveries;    // by receiver
  AlertDispatch::Stats dispatch;
  CrossingReader::Stats crossings;
  UsageWatch::Stats usage;
  ForecastResult forecasts;
};

}  // namespace quotaplane
