// Messages to the service manager (sd_notify's protocol), without its library.
#pragma once

#include <string_view>

namespace vedette::sandbox {

/// Sends `message` ("READY=1\nSTATUS=…") as one datagram to `socket`: a path, or "@name" for an abstract socket.
/// Never blocks; false when nobody takes it.
bool notifyService(std::string_view socket, std::string_view message) noexcept;

}  // namespace vedette::sandbox
