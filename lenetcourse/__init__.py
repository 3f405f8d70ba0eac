"""The library of the LeNet course: IDX files, data sets, LeNet models and training loops.

Names are imported when they are first used, so `import lenetcourse` needs neither torch nor NumPy.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "CourseError": "errors",
    "UsageError": "errors",
    "DatasetError": "errors",
    "IDXError": "data.idx",
    "idx_header": "data.idx",
    "read_idx": "data.idx",
    "write_idx": "data.idx",
    "ImageSet": "data.images",
    "as_inputs": "data.images",
    "standardise": "data.images",
    "ColourImageSet": "data.colour",
    "choose_colour_dataset": "data.colour_choice",
    "choose_dataset": "data.datasets",
    "load_dataset": "data.datasets",
    "load_drawings": "data.drawings",
    "PictureError": "data.opening",
    "example_pictures": "data.pictures",
    "read_class_folders": "data.folders",
    "split_folder": "data.split_folder",
    "export_json": "data.export",
    "export_png": "data.export",
    "to_mnist": "data.pictures",
    "LeNet5": "models.lenet",
    "dense_to_conv3": "models.lenet",
    "VAE": "models.vae",
    "reparameterise": "models.vae",
    "DiffusionMLP": "models.diffusion",
    "DiffusionUNet": "models.diffusion",
    "LeNetSegmenter": "models.segmentation",
    "SkipSegmenter": "models.segmentation",
    "SmallUNet": "models.segmentation",
    "MLP": "models.small",
    "PaddedCNN": "models.small",
    "SmallCNN": "models.small",
    "WideCNN": "models.small",
    "DigitScenes": "data.scenes",
    "kl_to_standard_normal": "train.losses",
    "mask_loss": "train.losses",
    "mean_kl": "train.losses",
    "vae_loss": "train.losses",
    "Diffusion": "train.diffusion",
    "NoiseSchedule": "train.diffusion",
    "as_pixels": "train.diffusion",
    "as_signals": "train.diffusion",
    "denoising_loss": "train.diffusion",
    "load_diffusion": "train.diffusion_file",
    "save_diffusion": "train.diffusion_file",
    "denoising_steps": "train.sampling",
    "sample_diffusion": "train.sampling",
    "frechet_distance": "train.sample_quality",
    "sample_report": "train.sample_quality",
    "Augment": "train.augment",
    "Batches": "train.batches",
    "History": "train.run",
    "TrainingDiverged": "train.loop",
    "adam": "train.loop",
    "evaluate": "train.loop",
    "fit": "train.loop",
    "pick_device": "train.loop",
    "train_one_epoch": "train.loop",
    "WeightsError": "models.weights",
    "load_checkpoint": "train.checkpoint",
    "load_model": "models.weights",
    "save_checkpoint": "train.checkpoint",
    "save_model": "models.weights",
    "accuracy": "train.metrics",
    "dice": "train.metrics",
    "iou": "train.metrics",
    "pixel_accuracy": "train.metrics",
    "confidence_interval": "train.metrics",
    "predict_probabilities": "train.metrics",
    "activations": "models.summary",
    "count_macs": "models.summary",
    "count_parameters": "models.summary",
    "layer_table": "models.summary",
    "Table": "tables",
    "mean_and_std": "show.results",
    "mean_interval": "show.results",
    "course_file": "show.results",
    "read_results": "show.results",
    "select": "show.results",
    "explore_kernels": "show.widgets",
    "explore_latent": "show.widgets",
    "GraphNode": "show.graph_drawing",
    "draw_costs": "show.cost_drawing",
    "draw_dropout": "show.diagrams",
    "draw_encoder_decoder": "show.diagrams",
    "draw_graph": "show.graph_drawing",
    "draw_margin": "show.margin_drawing",
    "draw_network": "show.network_drawing",
    "draw_pooling": "show.number_grids",
    "draw_receptive_fields": "show.diagrams",
    "draw_window": "show.number_grids",
    "plot_confusion_matrix": "show.plots",
    "plot_history": "show.plots",
    "plot_latent_space": "show.plots",
    "plot_seeds": "show.plots",
    "show_feature_maps": "show.plots",
    "show_images": "show.plots",
    "show_kernels": "show.plots",
    "show_segmentation": "show.plots",
    "show_steps": "show.plots",
    "use_course_style": "show.plots",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'lenetcourse' has no attribute {name!r}")
    value = getattr(import_module(f"lenetcourse.{_HOME[name]}"), name)
    globals()[name] = value  # the next use needs no look-up
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
