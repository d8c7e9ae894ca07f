// From Y'CbCr to R'G'B'.
#pragma once

#include "core/picture.hpp"

namespace vedette {

/// R = luma (Y - black) + redV V', G = luma (Y - black) - greenU U' - greenV V', B = luma (Y - black) + blueU U',
/// with U' = U - 128 and V' = V - 128, everything in 0…255.
struct ColourMatrix {
  double black;
  double luma;
  double redV;
  double greenU;
  double greenV;
  double blueU;
};

/// From the luma weights of ITU-R BT.601 (Kr 0.299, Kb 0.114) and BT.709 (Kr 0.2126, Kb 0.0722). Limited range has Y in
/// 16…235 and chroma in 16…240.
constexpr ColourMatrix colourMatrix(Matrix matrix, bool fullRange) {
  const double red = matrix == Matrix::Bt601 ? 0.299 : 0.2126;
  const double blue = matrix == Matrix::Bt601 ? 0.114 : 0.0722;
  const double green = 1 - red - blue;
  const double chroma = fullRange ? 1 : 255.0 / 224;
  return {
      .black = fullRange ? 0.0 : 16.0,
      .luma = fullRange ? 1 : 255.0 / 219,
      .redV = chroma * 2 * (1 - red),
      .greenU = chroma * 2 * (1 - blue) * blue / green,
      .greenV = chroma * 2 * (1 - red) * red / green,
      .blueU = chroma * 2 * (1 - blue),
  };
}

}  // namespace vedette
