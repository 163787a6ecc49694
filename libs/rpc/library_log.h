// What gRPC and Protobuf have to say of themselves, such as a connection that does not speak TLS or
// a string that is no UTF-8. Left alone they write it to standard error, in a form of their own, as
// often as somebody makes them.
#pragma once

namespace quotaplane {

// Into this process's log (libs/log), as warnings, sampled like any. Before there are threads.
void LogWhatLibrariesSay();

// Nowhere: for programs whose calls end with a status that says the same. Before there are threads.
void IgnoreWhatLibrariesSay();

}  // namespace quotaplane
