"""The library of the LeNet course: IDX files, data sets, LeNet models and training loops.

Names are imported when they are first used, so `import lenetcourse` needs neither torch nor NumPy.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "IDXError": "idx",
    "idx_header": "idx",
    "read_idx": "idx",
    "write_idx": "idx",
    "DatasetError": "datasets",
    "ImageSet": "datasets",
    "choose_dataset": "datasets",
    "load_dataset": "datasets",
    "PictureError": "images",
    "example_pictures": "images",
    "export_json": "images",
    "export_png": "images",
    "to_mnist": "images",
    "LeNet5": "models.lenet",
    "dense_to_conv3": "models.lenet",
    "VAE": "models.vae",
    "reparameterise": "models.vae",
    "LeNetSegmenter": "models.segmentation",
    "SkipSegmenter": "models.segmentation",
    "SmallUNet": "models.segmentation",
    "MLP": "models.small",
    "PaddedCNN": "models.small",
    "SmallCNN": "models.small",
    "WideCNN": "models.small",
    "DigitScenes": "scenes",
    "kl_to_standard_normal": "losses",
    "mask_loss": "losses",
    "mean_kl": "losses",
    "vae_loss": "losses",
    "Augment": "train.augment",
    "Batches": "batches",
    "History": "training",
    "TrainingDiverged": "training",
    "evaluate": "training",
    "fit": "training",
    "pick_device": "training",
    "train_one_epoch": "training",
    "WeightsError": "checkpoint",
    "load_checkpoint": "checkpoint",
    "load_model": "checkpoint",
    "save_checkpoint": "checkpoint",
    "save_model": "checkpoint",
    "accuracy": "metrics",
    "dice": "metrics",
    "iou": "metrics",
    "pixel_accuracy": "metrics",
    "confidence_interval": "metrics",
    "predict_probabilities": "metrics",
    "activations": "summary",
    "count_macs": "summary",
    "count_parameters": "summary",
    "layer_table": "summary",
    "Table": "results",
    "mean_and_std": "results",
    "mean_interval": "results",
    "read_results": "results",
    "select": "results",
    "explore_kernels": "widgets",
    "explore_latent": "widgets",
    "plot_confusion_matrix": "plots",
    "plot_history": "plots",
    "plot_latent_space": "plots",
    "plot_seeds": "plots",
    "show_feature_maps": "plots",
    "show_images": "plots",
    "show_kernels": "plots",
    "show_segmentation": "plots",
    "show_steps": "plots",
    "use_course_style": "plots",
}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'lenetcourse' has no attribute {name!r}")
    value = getattr(import_module(f"lenetcourse.{_HOME[name]}"), name)
    globals()[name] = value  # the next use needs no look-up
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
