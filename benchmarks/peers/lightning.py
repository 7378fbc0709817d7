"""Lightning: a LightningModule that logs its loss, and the Trainer as it comes."""

import lightning
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Module(lightning.LightningModule):
    def __init__(self, problem, clock):
        super().__init__()
        self.net, self.lr, self.clock = problem.net(), problem.lr, clock

    def training_step(self, batch, _):
        x, y = batch
        loss = F.cross_entropy(self.net(x), y)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def on_train_epoch_end(self):
        self.clock()


def train(problem, clock, scratch):
    samples = TensorDataset(torch.from_numpy(problem.x), torch.from_numpy(problem.y))
    trainer = lightning.Trainer(
        max_epochs=problem.epochs,
        accelerator="cpu",
        default_root_dir=scratch,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(problem, clock), DataLoader(samples, problem.batch_size, shuffle=True))
