"""Addend: parameters from many kinds of data.

For each modality an encoder turns an observation x into a scalar function of the parameters theta,
psi(x; theta) = log p(x | theta) + c(x) in nats. What a scientist wants from many modalities and many observations is
then a sum: S(theta) = sum psi, theta_hat = argmax S. Each team owns one addend.
"""
