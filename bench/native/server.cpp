// The native side of the kernel bench. Reads lines "name threads", runs that kernel once and prints one line
//   wall_ms cpu_ms probe_0 … probe_63
// where the probes are values of the result at fixed places, so that the other side can be checked value by value.
// An unknown name (or FFTW where it was not linked) prints "absent". "about" prints compiler and vector width.
// Inputs are made by formulas and by the generator below; bench/kernels/data.mjs makes the same ones.
#include "convolution.h"
#include "expChain.h"
#include "fft.h"
#include "gaussian.h"
#include "gemm.h"
#include "localNcc.h"
#include "mutualInformation.h"
#include "warp.h"
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <omp.h>
#include <string>
#include <time.h>
#include <vector>
#ifdef WITH_FFTW
#include <fftw3.h>
#endif

static double cpuMs() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}
static double wallMs() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Zeroed, aligned, with room behind for vectors that read past the end.
static float *make(size_t n) {
  size_t bytes = ((n * 4 + 4096) / 64) * 64;
  float *p = (float *)aligned_alloc(64, bytes);
  memset(p, 0, bytes);
  return p;
}
static uint32_t seed = 1;
static float uniform() {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) * (1.f / 16777216.f);
}

struct Result {
  const float *values;
  size_t count;
  double scalar; // printed in place of the probes when values is null
};
static void print(double wall, double cpu, Result r) {
  printf("%.4f %.4f", wall, cpu);
  if (!r.values) printf(" %.10g", r.scalar);
  else
    for (int k = 1; k <= 64; k++) {
      double f = k * 0.6180339887498949; // golden ratio: spread, and no regular hit of borders
      printf(" %.8g", r.values[(size_t)((f - floor(f)) * r.count)]);
    }
  printf("\n");
}

// ---- volumes of 160×192×160 ----
static const int D = 160, H = 192, W = 160;
static const size_t N = (size_t)D * H * W;
static float *I, *J, *U, *O, *A, *C, *M, *G;
static float gaussianWeights[7];
static std::vector<float *> scratch; // one per thread
static void volumes() {
  if (I) return;
  I = make(N), J = make(N), U = make(3 * N), O = make(3 * N), A = make(N), C = make(N), M = make(N), G = make(N);
  for (int z = 0; z < D; z++)
    for (int y = 0; y < H; y++)
      for (int x = 0; x < W; x++) {
        size_t i = ((size_t)z * H + y) * W + x;
        I[i] = 0.5 + 0.3 * sin(x * 0.11 + y * 0.07) + 0.2 * cos(z * 0.13 - x * 0.05);
        J[i] = 0.5 + 0.3 * sin(x * 0.11 + y * 0.07 + 0.4) + 0.2 * cos(z * 0.13 - x * 0.05 + 0.3);
        U[i] = 4 * sin(y * 0.09 + z * 0.03);
        U[N + i] = 4 * cos(x * 0.07 + z * 0.05);
        U[2 * N + i] = 4 * sin(x * 0.05 + y * 0.06);
      }
  double s = 0, w[7];
  for (int k = 0; k <= 6; k++) w[k] = exp(-k * k / 8.0), s += k ? 2 * w[k] : w[k];
  for (int k = 0; k <= 6; k++) gaussianWeights[k] = w[k] / s;
}

// ---- convolutions: B images of C channels, 3×3 (KD = 1) or 3×3×3 (KD = 3) ----
struct Convolution {
  int B, C, D, H, W, KD;
  float *x, *w, *dy, *y, *padded, *packed, *dw, *dx;
  size_t n, nw, channel;
  Convolution(int B, int C, int D, int H, int W, int KD) : B(B), C(C), D(D), H(H), W(W), KD(KD) {
    n = (size_t)C * D * H * W, nw = (size_t)C * C * KD * 9;
    channel = (size_t)(KD == 3 ? D + 2 : D) * (H + 2) * conv_ws(W);
    x = make(B * n), dy = make(B * n), y = make(B * n), dx = make(B * n);
    padded = make(C * channel + 64), w = make(nw), packed = make(nw), dw = make(nw);
    seed = 1;
    for (size_t i = 0; i < B * n; i++) x[i] = uniform() - 0.5f;
    for (size_t i = 0; i < B * n; i++) dy[i] = uniform() - 0.5f;
    for (size_t i = 0; i < nw; i++) w[i] = (uniform() - 0.5f) * 0.1f;
  }
  void pad(const float *in, int t, int T) {
    int c0 = C * t / T, c1 = C * (t + 1) / T;
    padcopy(in + (size_t)c0 * D * H * W, padded + c0 * channel, c1 - c0, D, H, W, KD == 3);
  }
  void apply(const float *in, float *out, int transposed, int T) {
    packw(w, packed, C, C, KD, transposed);
    for (int b = 0; b < B; b++) {
#pragma omp parallel num_threads(T)
      {
        int t = omp_get_thread_num();
        pad(in + b * n, t, T);
#pragma omp barrier
        conv_fwd(padded, packed, out + b * n, C, C, D, H, W, KD, D * H * t / T, D * H * (t + 1) / T);
      }
    }
  }
  void weights(int T) {
    memset(dw, 0, nw * 4);
    for (int b = 0; b < B; b++) {
#pragma omp parallel num_threads(T)
      {
        int t = omp_get_thread_num();
        pad(x + b * n, t, T);
#pragma omp barrier
        conv_bww(padded, dy + b * n, dw, C, C, D, H, W, KD, C / 4 * t / T, C / 4 * (t + 1) / T);
      }
    }
  }
};
static Convolution &conv2() {
  static Convolution c(4, 64, 1, 128, 128, 1);
  return c;
}
static Convolution &conv3() {
  static Convolution c(1, 16, 80, 96, 80, 3);
  return c;
}

// ---- FFTs: 8 pictures of 512², one volume of 128³; complex, interleaved, in place ----
static const size_t n2 = (size_t)512 * 512 * 8, n3 = (size_t)128 * 128 * 128;
static float *f2, *f3;
static float *signal(float *&p, size_t n) {
  if (!p) p = make(2 * n);
  seed = 7;
  for (size_t i = 0; i < 2 * n; i++) p[i] = uniform() - 0.5f;
  return p;
}
static std::vector<float> twiddles(int n) {
  std::vector<float> t(2 * n);
  for (int k = 0; k < n; k++) t[2 * k] = cos(2 * M_PI * k / n), t[2 * k + 1] = -sin(2 * M_PI * k / n);
  return t;
}

int main() {
  setvbuf(stdout, 0, _IONBF, 0);
  int most = omp_get_num_procs() > 16 ? omp_get_num_procs() : 16;
  for (int i = 0; i < most; i++) scratch.push_back(make(13 * (size_t)H * W + 8192));
  std::vector<float> t512 = twiddles(512), t128 = twiddles(128);
  // Each entry prepares once, then returns what is timed and the result.
  struct Row {
    std::function<void()> prepare;
    std::function<Result(int)> run;
  };
  std::map<std::string, Row> rows;
  rows["warp"] = {volumes, [](int T) {
#pragma omp parallel num_threads(T)
                    {
                      int t = omp_get_thread_num();
                      warp_fwd(I, U, O, D, H, W, D * t / T, D * (t + 1) / T);
                    }
                    return Result{O, N, 0};
                  }};
  rows["warpGradient"] = {volumes, [](int T) {
#pragma omp parallel num_threads(T)
                            {
                              int t = omp_get_thread_num();
                              warp_bwd(I, U, J, O, D, H, W, D * t / T, D * (t + 1) / T);
                            }
                            return Result{O, 3 * N, 0};
                          }};
  static double nccValue;
  rows["localNcc"] = {volumes, [](int T) {
                        double v = 0;
#pragma omp parallel num_threads(T) reduction(+ : v)
                        {
                          int t = omp_get_thread_num(), z0 = D * t / T, z1 = D * (t + 1) / T;
                          v += lncc_fwd(I, J, A, C, M, D, H, W, z0, z1, scratch[t]);
#pragma omp barrier
                          lncc_bwd(I, J, A, C, M, G, D, H, W, z0, z1, scratch[t]);
                        }
                        nccValue = v;
                        return Result{G, N, 0};
                      }};
  rows["localNccValue"] = {[] {}, [](int) { return Result{nullptr, 0, nccValue}; }}; // of the last localNcc
  rows["gaussian"] = {volumes, [](int T) {
#pragma omp parallel num_threads(T)
                        {
                          int t = omp_get_thread_num();
                          for (int c = 0; c < 3; c++)
                            gauss3(U + c * N, O + c * N, D, H, W, gaussianWeights, 6, D * t / T, D * (t + 1) / T, scratch[t]);
                        }
                        return Result{O, 3 * N, 0};
                      }};
  typedef Convolution &(*Get)();
  for (auto [name, get] : {std::pair<std::string, Get>{"conv2", conv2}, {"conv3", conv3}}) {
    rows[name + "Forward"] = {[get = get] { get(); }, [get = get](int T) {
                                Convolution &c = get();
                                c.apply(c.x, c.y, 0, T);
                                return Result{c.y, c.B * c.n, 0};
                              }};
    rows[name + "BackwardInput"] = {[get = get] { get(); }, [get = get](int T) {
                                      Convolution &c = get();
                                      c.apply(c.dy, c.dx, 1, T);
                                      return Result{c.dx, c.B * c.n, 0};
                                    }};
    rows[name + "BackwardWeights"] = {[get = get] { get(); }, [get = get](int T) {
                                        Convolution &c = get();
                                        c.weights(T);
                                        return Result{c.dw, c.nw, 0};
                                      }};
  }
  static const int gm = 1000, gk = 900, gn = 1100;
  static float *ga, *gb, *gc, *gp;
  rows["gemm"] = {[] {
                    if (ga) return;
                    ga = make(gm * gk), gb = make(gk * gn), gc = make(gm * gn), gp = make((size_t)(gn + NR) * gk), seed = 9;
                    for (int i = 0; i < gm * gk; i++) ga[i] = uniform() - 0.5f;
                    for (int i = 0; i < gk * gn; i++) gb[i] = uniform() - 0.5f;
                  },
                  [&](int T) {
#pragma omp parallel num_threads(T)
                    {
                      int t = omp_get_thread_num(), panels = (gn + NR - 1) / NR, strips = (gm + MR - 1) / MR;
                      gemmpack(gb, gp, gk, gn, panels * t / T, panels * (t + 1) / T);
#pragma omp barrier
                      int r1 = strips * (t + 1) / T * MR;
                      gemmrows(ga, gp, gc, gk, gn, strips * t / T * MR, r1 < gm ? r1 : gm, scratch[t]);
                    }
                    return Result{gc, (size_t)gm * gn, 0};
                  }};
  rows["fft2"] = {[] { signal(f2, n2); }, [&](int T) {
#pragma omp parallel num_threads(T)
                    {
                      int t = omp_get_thread_num();
                      for (int b = 8 * t / T; b < 8 * (t + 1) / T; b++) {
                        float *q = f2 + (size_t)b * 512 * 512 * 2;
                        fft_axis(q, 512, 1, 512, 0, 512, t512.data(), 1, scratch[t]);
                        fft_cols(q, 512, 512, 0, 512, t512.data(), 1, scratch[t]);
                      }
                    }
                    return Result{f2, 2 * n2, 0};
                  }};
  rows["fft3"] = {[] { signal(f3, n3); }, [&](int T) {
#pragma omp parallel num_threads(T)
                    {
                      int t = omp_get_thread_num();
                      for (int z = 128 * t / T; z < 128 * (t + 1) / T; z++) {
                        float *q = f3 + (size_t)z * 16384 * 2;
                        fft_axis(q, 128, 1, 128, 0, 128, t128.data(), 1, scratch[t]);
                        fft_cols(q, 128, 128, 0, 128, t128.data(), 1, scratch[t]);
                      }
#pragma omp barrier
                      fft_cols(f3, 128, 16384, 16384 * t / T, 16384 * (t + 1) / T, t128.data(), 1, scratch[t]);
                    }
                    return Result{f3, 2 * n3, 0};
                  }};
#ifdef WITH_FFTW
  fftwf_init_threads();
  static std::map<int, fftwf_plan> plans2, plans3;
  static int threadsAsked = 1;
  // Planning (FFTW_MEASURE) overwrites the data and is not timed.
  rows["fftw2"] = {[] {
                     signal(f2, n2);
                     fftwf_plan &p = plans2[threadsAsked];
                     fftwf_plan_with_nthreads(threadsAsked);
                     int size[2] = {512, 512};
                     fftwf_complex *d = (fftwf_complex *)f2;
                     if (!p) p = fftwf_plan_many_dft(2, size, 8, d, 0, 1, 512 * 512, d, 0, 1, 512 * 512, FFTW_FORWARD, FFTW_MEASURE);
                     signal(f2, n2);
                   },
                   [](int T) {
                     fftwf_execute(plans2[T]);
                     return Result{f2, 2 * n2, 0};
                   }};
  rows["fftw3"] = {[] {
                     signal(f3, n3);
                     fftwf_plan &p = plans3[threadsAsked];
                     fftwf_plan_with_nthreads(threadsAsked);
                     fftwf_complex *d = (fftwf_complex *)f3;
                     if (!p) p = fftwf_plan_dft_3d(128, 128, 128, d, d, FFTW_FORWARD, FFTW_MEASURE);
                     signal(f3, n3);
                   },
                   [](int T) {
                     fftwf_execute(plans3[T]);
                     return Result{f3, 2 * n3, 0};
                   }};
#endif
  static const size_t ne = 8 << 20;
  static float *ea, *eb, *ec;
  rows["expChain"] = {[] {
                        if (ea) return;
                        ea = make(ne), eb = make(ne), ec = make(ne), seed = 3;
                        for (size_t i = 0; i < ne; i++) ea[i] = uniform(), eb[i] = uniform(), ec[i] = uniform() - 1;
                      },
                      [](int T) {
                        double v = 0;
#pragma omp parallel num_threads(T) reduction(+ : v)
                        {
                          int t = omp_get_thread_num();
                          v += expchain(ea, eb, ec, ne * t / T, ne * (t + 1) / T);
                        }
                        return Result{nullptr, 0, v};
                      }};
  // f and m in [0, 0.99); `table` stands for the derivative of MI by a histogram entry, so that both sides weigh the same one.
  static const size_t nm = 1 << 20;
  // The result holds the histogram (bins 2 … 33 of the padded ones, a hundredth of the counts) and every 1024th derivative.
  static float *mf, *mm, *mg, *table, *histograms, *mi;
  rows["mutualInformation"] = {[] {
                                 if (mf) return;
                                 mf = make(nm), mm = make(nm), mg = make(nm), table = make(32 * HS), mi = make(2048);
                                 histograms = make(scratch.size() * 4 * 32 * HS), seed = 5;
                                 for (size_t i = 0; i < nm; i++) {
                                   float r = uniform();
                                   mf[i] = 0.99f * r, mm[i] = 0.99f * (0.6f * r + 0.4f * uniform());
                                 }
                                 for (int i = 0; i < 32 * HS; i++) table[i] = sin(i * 0.1);
                               },
                               [](int T) {
#pragma omp parallel num_threads(T)
                                 {
                                   int t = omp_get_thread_num();
                                   mi_hist(mf, mm, histograms + (size_t)t * 4 * 32 * HS, nm * t / T, nm * (t + 1) / T);
                                   mi_grad(mf, mm, table, mg, nm * t / T, nm * (t + 1) / T);
                                 }
                                 for (int a = 0; a < 32; a++)
                                   for (int b = 0; b < 32; b++) {
                                     double v = 0;
                                     for (int k = 0; k < 4 * T; k++) v += histograms[((size_t)k * 32 + a) * HS + b + 2];
                                     mi[a * 32 + b] = 0.01 * v;
                                   }
                                 for (int k = 0; k < 1024; k++) mi[1024 + k] = mg[1024 * k];
                                 return Result{mi, 2048, 0};
                               }};

  char name[64];
  int T;
  while (scanf("%63s %d", name, &T) == 2) {
    if (!strcmp(name, "about")) {
      printf("%s, vectors of %d floats\n", __VERSION__, VL);
      continue;
    }
    auto row = rows.find(name);
    if (row == rows.end() || T < 1 || T > (int)scratch.size()) {
      printf("absent\n");
      continue;
    }
#ifdef WITH_FFTW
    threadsAsked = T;
#endif
    row->second.prepare();
    double c0 = cpuMs(), t0 = wallMs();
    Result r = row->second.run(T);
    double t1 = wallMs(), c1 = cpuMs();
    print(t1 - t0, c1 - c0, r);
  }
}
