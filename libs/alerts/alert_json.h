// Alerts as receivers read them (docs/alerts.md).
#pragma once

#include <cstdint>
#include <string>

#include "libs/alerts/alert.h"
#include "libs/alerts/delivery_queue.h"

namespace quotaplane {

// One object, in which fields that say nothing are left out.
std::string AlertJson(const Alert& alert, NoticeEvent event);

// A whole message: {"id": …, "alerts": […]}.
std::string MessageJson(const AlertMessage& message);

// "2026-11-26T18:12:13.123456Z": as many digits always, so that texts sort as times do.
std::string TimeText(int64_t us);

}  // namespace quotaplane
