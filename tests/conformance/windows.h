// Windows that the conformance tests count over: every kind, with zones whose clocks change.
#pragma once

#include <vector>

#include "libs/testing/fatal.h"
#include "libs/window/window.h"

namespace quotaplane {

inline WindowSpec MakeWindow(const char* text, const char* zone_name = "UTC", int starts_on = 1) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(zone_name, &zone)) fixtures::Fatal("no time zone data: install tzdata");
  const absl::StatusOr<WindowSpec> window = ParseWindow(text, zone, starts_on);
  if (!window.ok()) fixtures::Fatal(window.status().ToString());
  return *window;
}

inline std::vector<WindowSpec> TestWindows() {
  return {MakeWindow("60s"),
          MakeWindow("1h"),
          MakeWindow("7s"),
          MakeWindow("day", "Europe/Berlin"),
          MakeWindow("month", "America/New_York", 15),
          MakeWindow("lifetime")};
}

}  // namespace quotaplane
