// The launch of Rgb8's CUDA kernel, free of LibTorch's headers so that nvcc compiles it in a
// second.
#ifndef DRAFTP_KERNELS_RGB8_KERNEL_H_
#define DRAFTP_KERNELS_RGB8_KERNEL_H_

namespace draftp {

// Sizes and element strides of a [B,3,H,W] image.
struct Rgb8Layout {
  long long batch, height, width;
  long long stride_b, stride_c, stride_h, stride_w;
};

// image and rgb are device pointers, rgb [B,H,W,3]; stream is a cudaStream_t. Returns the
// cudaError_t of the launch.
int LaunchRgb8(const float* image, unsigned char* rgb, const Rgb8Layout& layout, void* stream);

}  // namespace draftp

#endif  // DRAFTP_KERNELS_RGB8_KERNEL_H_
