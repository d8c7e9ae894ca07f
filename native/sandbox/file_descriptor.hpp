// Descriptors that close themselves.
#pragma once

#include <unistd.h>

namespace vedette::sandbox {

/// A descriptor that is closed with its scope; negative when opening it failed.
class FileDescriptor final {
 public:
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const noexcept { return fd_; }

 private:
  const int fd_;
};

}  // namespace vedette::sandbox
