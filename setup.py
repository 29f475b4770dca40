"""What pyproject.toml cannot say: `assets/` stands at the root of the repository, and travels in the wheel as
`streamo_app/assets`."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["streamo_app*", "finetune*"]), "streamo_app.assets"],
    package_dir={"streamo_app.assets": "assets"},
    package_data={
        "streamo_app.assets": ["clips/*", "streamo-tiny/*"],
        "streamo_app.ui": ["static/**"],
        "finetune": ["configs/*.yaml"],
    },
)
