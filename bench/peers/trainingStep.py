"""Steps of training the 8 x 32 denoiser in PyTorch: for each line "N" on standard input, N steps; prints processor and wall seconds of one."""
import resource
import sys
import time

import torch

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)
batch, side = 16, 40
layers = [torch.nn.Conv2d(2, 32, 3, padding=1)]
for _ in range(6):
    layers += [torch.nn.ReLU(inplace=True), torch.nn.Conv2d(32, 32, 3, padding=1)]
layers += [torch.nn.ReLU(inplace=True), torch.nn.Conv2d(32, 1, 3, padding=1)]
model = torch.nn.Sequential(*layers)
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)


def step():
    clean = torch.rand(batch, 1, side, side)
    level = torch.rand(batch, 1, 1, 1) * 0.2
    noisy = clean + level * torch.randn_like(clean)
    loss = ((noisy - model(torch.cat([noisy, level.expand_as(clean)], 1)) - clean) ** 2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


for _ in range(3):
    step()
print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    n = int(line)
    c, w = used(), time.perf_counter()
    for _ in range(n):
        step()
    print((used() - c) / n, (time.perf_counter() - w) / n, flush=True)
