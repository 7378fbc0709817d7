"""The loop of tutorials: a Dataset that gives one sample, a DataLoader, Adam, fp32."""

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


class Samples(Dataset):
    """One sample at a time, ready for the net."""

    def __init__(self, problem):
        self.x, self.y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def train(problem, clock, _scratch):
    loader = DataLoader(Samples(problem), problem.batch_size, shuffle=True)
    net = problem.net()
    optimizer = torch.optim.Adam(net.parameters(), lr=problem.lr)

    def predict(_raw, x):
        net.eval()
        with torch.inference_mode():
            return torch.cat([net(part) for part in torch.from_numpy(x).split(1000)]).numpy()

    for _ in range(problem.epochs):
        net.train()
        for x, y in loader:
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        clock(predict)
