// Random networks in bytes: both kernels beside sums as anybody would write them.
#include "gemm/byte_network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "gemm/byte_rows.h"

namespace mlops {
namespace {

using Random = std::mt19937_64;

int between(Random& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

// Scales that keep a good part of the sums inside of what a byte holds.
ByteLayer random_layer(Random& random, std::size_t inputs, std::size_t outputs, ByteScale from) {
  ByteLayer layer;
  layer.inputs = inputs;
  layer.outputs = outputs;
  layer.from = from;
  layer.to = {0.25F, static_cast<std::uint8_t>(between(random, 0, 1) * between(random, 0, 255))};
  const float spread = 1 / std::sqrt(static_cast<float>(inputs));
  for (std::size_t i = 0; i < inputs * outputs; ++i) {
    layer.weights.push_back(static_cast<std::int8_t>(between(random, -128, 127)));
  }
  for (std::size_t n = 0; n < outputs; ++n) {
    layer.bias.push_back(between(random, -9'000, 9'000));
    layer.weight_scales.push_back(spread * static_cast<float>(between(random, 1, 40)) / 1000);
  }
  return layer;
}

std::vector<ByteLayer> random_layers(Random& random, const std::vector<std::size_t>& widths) {
  std::vector<ByteLayer> layers;
  ByteScale from{0.05F, 128};
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    layers.push_back(random_layer(random, widths[i], widths[i + 1], from));
    from = layers.back().to;
  }
  return layers;
}

// A row through all layers, without packing, tiles or padding.
std::vector<float> expected(const std::vector<ByteLayer>& layers, const float* row) {
  std::vector<std::uint8_t> bytes(layers.front().inputs);
  to_bytes_plain(row, bytes.size(), layers.front().from, bytes.data());
  for (const ByteLayer& layer : layers) {
    std::vector<std::uint8_t> next(layer.outputs);
    for (std::size_t n = 0; n < layer.outputs; ++n) {
      std::int64_t sum = layer.bias[n];
      for (std::size_t k = 0; k < layer.inputs; ++k) {
        sum += (std::int64_t{bytes[k]} - layer.from.zero) * layer.weights[k * layer.outputs + n];
      }
      const float factor = layer.from.scale * layer.weight_scales[n] / layer.to.scale;
      const float value =
          std::nearbyint(static_cast<float>(sum) * factor) + static_cast<float>(layer.to.zero);
      next[n] = static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
    }
    bytes = next;
  }
  const ByteScale to = layers.back().to;
  std::vector<float> floats;
  for (const std::uint8_t byte : bytes) {
    floats.push_back(static_cast<float>(int{byte} - int{to.zero}) * to.scale);
  }
  return floats;
}

void check_network(Random& random, const std::vector<std::size_t>& widths, LayerKernel kernel) {
  const std::vector<ByteLayer> layers = random_layers(random, widths);
  const auto network = ByteNetwork::make(layers, kernel);
  ASSERT_TRUE(network.ok()) << network.status().message();
  ByteNetwork::Workspace workspace(**network);
  std::normal_distribution<float> normal(0, 2);
  for (const std::size_t rows : {1, 16, 17, 31, 32}) {
    std::vector<float> in(rows * widths.front());
    for (float& value : in) value = normal(random);
    in[0] = std::numeric_limits<float>::quiet_NaN();
    in.back() = -std::numeric_limits<float>::infinity();
    std::vector<float> out(rows * widths.back());
    (*network)->run(in.data(), rows, out.data(), workspace);
    for (std::size_t m = 0; m < rows; ++m) {
      const std::vector<float> row = expected(layers, in.data() + m * widths.front());
      const std::vector<float> got(
          out.begin() + static_cast<std::ptrdiff_t>(m * widths.back()),
          out.begin() + static_cast<std::ptrdiff_t>((m + 1) * widths.back()));
      ASSERT_EQ(got, row) << "row " << m << " of " << rows << ", " << widths.front() << " wide";
    }
  }
}

const std::vector<std::vector<std::size_t>> kShapes = {{1, 1},        {3, 17, 2},       {64, 64},
                                                       {65, 63, 130}, {128, 16, 48, 5}, {200, 33}};

TEST(ByteNetwork, PlainSumsAreExact) {
  Random random(1);
  for (const auto& widths : kShapes) check_network(random, widths, run_layer_plain);
}

TEST(ByteNetwork, TilesAreExact) {
  if (!may_use_tiles()) GTEST_SKIP() << "this processor has no tiles of bytes";
  Random random(2);
  for (const auto& widths : kShapes) check_network(random, widths, run_layer_in_tiles);
  for (int i = 0; i < 6; ++i) {
    std::vector<std::size_t> widths;
    for (int layer = between(random, 2, 4); layer > 0; --layer) {
      widths.push_back(static_cast<std::size_t>(between(random, 1, 100)));
    }
    check_network(random, widths, run_layer_in_tiles);
  }
}

// The largest sums that there can be, and factors that leave 32 bits.
TEST(ByteNetwork, TilesSaturateAtBothEnds) {
  if (!may_use_tiles()) GTEST_SKIP() << "this processor has no tiles of bytes";
  for (const float scale : {1e-3F, 1.0F, 1e30F}) {
    ByteLayer layer;
    layer.inputs = 3000;
    layer.outputs = 4;
    layer.from = {1, 0};
    layer.to = {1, 100};
    for (std::size_t i = 0; i < layer.inputs; ++i) {
      layer.weights.insert(layer.weights.end(), {127, -128, 0, 1});
    }
    layer.bias = {0, 0, -1, 1};
    layer.weight_scales.assign(4, scale);
    const auto tiles = ByteNetwork::make({layer}, run_layer_in_tiles);
    const auto plain = ByteNetwork::make({layer}, run_layer_plain);
    const std::vector<float> in(layer.inputs, 255);
    std::vector<float> a(4);
    std::vector<float> b(4);
    ByteNetwork::Workspace first(**tiles);
    ByteNetwork::Workspace second(**plain);
    (*tiles)->run(in.data(), 1, a.data(), first);
    (*plain)->run(in.data(), 1, b.data(), second);
    EXPECT_EQ(a, b);
    EXPECT_EQ(a[0], 155);
    EXPECT_EQ(a[1], -100);
  }
}

TEST(ByteRows, VectorsRoundAsDivisionsDo) {
  Random random(3);
  for (const ByteScale scale : {ByteScale{0.1F, 3}, ByteScale{1.0F / 3, 128}, ByteScale{0.5F, 255},
                                ByteScale{1e-38F, 0}, ByteScale{3e38F, 7}, ByteScale{7.7F, 1}}) {
    std::vector<float> values = {0,
                                 -0.0F,
                                 std::numeric_limits<float>::quiet_NaN(),
                                 std::numeric_limits<float>::infinity(),
                                 -std::numeric_limits<float>::infinity(),
                                 std::numeric_limits<float>::max(),
                                 std::numeric_limits<float>::denorm_min()};
    // Halves, which go to the even one, and the floats beside them.
    for (int step = -300; step < 300; ++step) {
      const float half = (static_cast<float>(step) + 0.5F) * scale.scale;
      for (const float value : {half, std::nextafter(half, 1e38F), std::nextafter(half, -1e38F)}) {
        values.push_back(value);
      }
    }
    std::normal_distribution<float> normal(0, 60);
    for (int i = 0; i < 4000; ++i) values.push_back(normal(random) * scale.scale);
    std::vector<std::uint8_t> plain(values.size());
    std::vector<std::uint8_t> quick(values.size());
    to_bytes_plain(values.data(), values.size(), scale, plain.data());
    to_bytes(values.data(), values.size(), scale, quick.data());
    EXPECT_EQ(plain, quick) << scale.scale;
  }
}

TEST(ByteNetwork, RefusesWhatIsNone) {
  Random random(4);
  const std::vector<ByteLayer> sound = random_layers(random, {3, 4, 5});
  EXPECT_TRUE(ByteNetwork::make(sound, run_layer_plain).ok());
  const auto refused = [&](auto change) {
    std::vector<ByteLayer> layers = sound;
    change(layers);
    return !ByteNetwork::make(layers, run_layer_plain).ok();
  };
  EXPECT_TRUE(refused([](auto& layers) { layers.clear(); }));
  EXPECT_TRUE(refused([](auto& layers) { layers[0].weights.pop_back(); }));
  EXPECT_TRUE(refused([](auto& layers) { layers[0].bias.clear(); }));
  EXPECT_TRUE(refused([](auto& layers) { layers[1].inputs = 0; }));
  EXPECT_TRUE(refused([](auto& layers) { layers[1].inputs = kByteInputsMax + 1; }));
  EXPECT_TRUE(refused([](auto& layers) { layers[1].weight_scales[0] = 0; }));
  EXPECT_TRUE(refused([](auto& layers) { layers[1].from.zero ^= 1; }));
  EXPECT_TRUE(refused([](auto& layers) { std::swap(layers[0], layers[1]); }));
}

}  // namespace
}  // namespace mlops
